import type { ChaosOutcome } from "./chaos.ts";
import { type AtRest, mebibytes } from "./resting.ts";
import { MAX_PAUSE_MS } from "./rolling.ts";

/** What is wrong, in words; empty after a good run. */
export function findingsOf(outcome: ChaosOutcome): readonly string[] {
  const { troubles, storage, albums, rolling, replicasAreEqual, rests } = outcome;
  const slow = rolling.steps.filter(({ longestMs }) => longestMs > MAX_PAUSE_MS);
  return [
    ...troubles,
    ...storage.findings.map((finding) => `storage: ${finding}`),
    ...albums.findings.map((finding) => `resources: ${finding}`),
    ...rolling.errors.map((error) => `restart in good order: a client saw ${error}`),
    ...rolling.findings.map((finding) => `restart in good order: ${finding}`),
    ...slow.map(
      ({ name, longestMs }) =>
        `restart in good order: a write took ${Math.round(longestMs)} ms when ${name} was restarted`,
    ),
    ...(replicasAreEqual ? [] : ["the replicas differ"]),
    ...rests.flatMap(({ findings }) => findings),
  ];
}

/** The whole run as a table. */
export function tableOf(outcome: ChaosOutcome): readonly string[] {
  const { faults, troubles, hasDisks, storage, albums, rolling, replicasAreEqual, rests } = outcome;
  const errors = [...albums.errors]
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, times]) => `${times} ${reason}`);
  const rows: readonly (readonly [string, string])[] = [
    ...[...faults].map(([kind, times]) => [kind, String(times)] as const),
    ...(hasDisks ? [] : [["full disk", "left out: only root can mount disks that can be filled"] as const]),
    ["troubles", String(troubles.length)],
    ["storage: operations judged", `${storage.operations}, ${storage.failures} of them failed`],
    ["storage: watches", String(storage.watches)],
    ["storage: findings of both judges", `${storage.findings.length}, ${storage.undecided} keys undecided`],
    ["resources: changes acknowledged", String(albums.acknowledged)],
    ["resources: lists", String(albums.lists)],
    ["resources: watches", `cut ${albums.interrupts} times, ${albums.gaps} told of a gap`],
    ["resources: errors", errors.join(", ") || "none"],
    ["resources: findings", String(albums.findings.length)],
    ["restart in good order: writes", `${rolling.acknowledged}, ${rolling.errors.length} errors`],
    [
      "restart in good order: longest",
      rolling.steps.map(({ name, longestMs }) => `${name} ${Math.round(longestMs)} ms`).join(", "),
    ],
    ["replicas", replicasAreEqual ? "are equal" : "DIFFER"],
    ...rests.map(
      ({ kind, before, after }) => [`at rest: ${kind}s`, `${listed(before)}; then ${listed(after)}`] as const,
    ),
  ];
  const columns = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(columns)}  ${value}`);
}

function listed(all: readonly AtRest[]): string {
  return all
    .map(({ name, residentBytes, openFiles }) => `${name} ${mebibytes(residentBytes)} ${openFiles} files`)
    .join(", ");
}
