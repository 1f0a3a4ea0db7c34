/**
 * How many types there are, and how many each group version has: `3 in internal.v1 (1), tenancy.v1 (2)`. The start screen of the standalone
 * server says the same in the same words. `types` are given as `group.version.Kind`.
 */
export function typesSummary(types: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const type of [...types].sort()) {
    const groupVersion = type.slice(0, type.lastIndexOf("."));
    counts.set(groupVersion, (counts.get(groupVersion) ?? 0) + 1);
  }
  const groups = [...counts].map(([groupVersion, count]) => `${groupVersion} (${count})`);
  return types.length === 0 ? "none" : `${types.length} in ${groups.join(", ")}`;
}
