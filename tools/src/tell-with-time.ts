/** Tells on standard error what happens, each line with the seconds since this was made: a run of many minutes shows that it goes on. */
export function tellWithTime(): (what: string) => void {
  const startedMs = performance.now();
  return (what) => {
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${what}\n`);
  };
}
