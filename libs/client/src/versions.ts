/** Whether a store version is newer than another of the same store. Both are decimal, as the service gives them. */
export function isNewerVersion(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
