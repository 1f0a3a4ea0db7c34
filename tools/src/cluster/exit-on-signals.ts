/** What shells have for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Has a tool that is told to end, once or more often (npm passes on what a terminal sends to it as well), leave through its exit hooks, which end the clusters that it runs. */
export function exitOnSignals(): void {
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => process.exit(INTERRUPTED));
}
