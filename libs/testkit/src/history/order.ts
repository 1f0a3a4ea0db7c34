import type { Version } from "@trellis/storage";

import type { History, Recorded } from "./history.ts";
import type { Replay } from "./replay.ts";

/** Something whose version real time says something about. */
interface Timed {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly version: Version;
  readonly what: string;
  /** It made its version: whatever ended before it began has a lower one. */
  readonly made: boolean;
}

/**
 * Holds versions against real time: what began after something else had ended shows no older version, if it is a commit or a strong
 * read (whoever asks), or any read of the same client; and whatever a caller set as a minimum is reached.
 */
export function judgeOrder(history: History, replayed: Replay): readonly string[] {
  const strong: Timed[] = [];
  const byClient = new Map<string, Timed[]>();
  const findings: string[] = [];
  for (const recorded of history.recorded) {
    const timed = timedOf(recorded, replayed);
    if (timed === undefined) continue;
    if (recorded.kind === "commit" || isStrong(recorded)) strong.push(timed);
    if (showsPresent(recorded))
      byClient.set(recorded.client, [...(byClient.get(recorded.client) ?? []), timed]);
    findings.push(...belowMinimum(recorded, timed));
  }
  return [...findings, ...orderFindings(strong), ...[...byClient.values()].flatMap(orderFindings)];
}

function timedOf(recorded: Recorded, { at }: Replay): Timed | undefined {
  const { startedAt, endedAt } = recorded;
  if (endedAt === undefined || recorded.kind === "watch" || recorded.result === undefined) return undefined;
  const version = "version" in recorded.result ? recorded.result.version : recorded.result.position.version;
  const made = recorded.kind === "commit" && at(version).commit === recorded;
  return { startedAt, endedAt, version, what: `a ${recorded.kind}`, made };
}

function isStrong(recorded: Recorded): boolean {
  return (
    (recorded.kind === "read" || recorded.kind === "list") &&
    recorded.options.consistency === "strong" &&
    showsPresent(recorded)
  );
}

/** A list at an older version shows that one, whatever the time. */
function showsPresent(recorded: Recorded): boolean {
  return recorded.kind === "read" || (recorded.kind === "list" && recorded.options.atVersion === undefined);
}

function belowMinimum(recorded: Recorded, { version, what }: Timed): readonly string[] {
  if (recorded.kind !== "read" && recorded.kind !== "list") return [];
  const minimum = recorded.options.minimum?.version;
  return minimum !== undefined && version < minimum && showsPresent(recorded)
    ? [`${what} shows version ${version}; at least ${minimum} was asked for`]
    : [];
}

/** Walks through what began in order, knowing the newest version of what had ended by then. */
function orderFindings(timed: readonly Timed[]): readonly string[] {
  const findings: string[] = [];
  const ends = [...timed].sort((a, b) => a.endedAt - b.endedAt);
  let ended = 0;
  let newest: Timed | undefined;
  for (const one of [...timed].sort((a, b) => a.startedAt - b.startedAt)) {
    for (let next = ends[ended]; next !== undefined && next.endedAt < one.startedAt; next = ends[++ended]) {
      if (newest === undefined || next.version > newest.version) newest = next;
    }
    if (newest === undefined) continue;
    if (one.version < newest.version || (one.made && one.version === newest.version)) {
      findings.push(
        `${one.what} of version ${one.version} began after ${newest.what} of version ${newest.version} had ended`,
      );
    }
  }
  return findings;
}
