/** What this thread has used of the processor so far, in microseconds. */
export function threadCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
