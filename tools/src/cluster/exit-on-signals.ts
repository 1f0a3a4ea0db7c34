/** What shells have for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Has a tool that is told to end leave through its exit hooks, which end the clusters that it runs. */
export function exitOnSignals(): void {
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => process.exit(INTERRUPTED));
}
