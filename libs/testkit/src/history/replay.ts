import { keyString, type StoredRecord, type Version } from "@trellis/storage";

import type { History, RecordedCommit } from "./history.ts";
import { applied, type Change, effectOf, sameRecord, type State } from "./model.ts";

/** One version of the store as the commits explain it. */
export interface ReplayedVersion {
  readonly version: Version;
  readonly commit: RecordedCommit | undefined;
  readonly changes: readonly Change[];
  readonly state: State;
}

/** What replaying the commits in the order of their versions gives: the state of every version. */
export interface Replay {
  /** Ordered by version; the first is the beginning. */
  readonly versions: readonly ReplayedVersion[];
  /** What the commits cannot explain. */
  readonly findings: readonly string[];
  /** The state of a version: that of the newest one up to it. */
  readonly at: (version: Version) => ReplayedVersion;
}

/**
 * Replays the commits that changed something. A commit whose outcome is unknown is taken for applied at a version where somebody saw its
 * records, and that no other commit explains.
 */
export function replay(history: History): Replay {
  const findings: string[] = [];
  const commits = history.recorded.filter(
    (one): one is RecordedCommit => one.kind === "commit" && !one.evaluateOnly,
  );
  const answered = new Map<Version, RecordedCommit[]>();
  for (const commit of commits) {
    if (commit.result?.outcome !== "applied") continue;
    answered.set(commit.result.version, [...(answered.get(commit.result.version) ?? []), commit]);
  }
  const unknown = new Set(commits.filter(isUnknown));
  const seen = recordsSeen(history);
  const versions: ReplayedVersion[] = [
    { version: history.start.version, commit: undefined, changes: [], state: new Map() },
  ];
  const present = (): ReplayedVersion => versions.at(-1) as ReplayedVersion;

  const numbers = [...new Set([...answered.keys(), ...seen.keys()])].sort((a, b) => a - b);
  for (const version of numbers) {
    if (version <= history.start.version) continue;
    const changing = (answered.get(version) ?? []).flatMap((commit) =>
      candidate(present().state, commit, version),
    );
    const explained =
      changing.length > 0 ? changing : guess(unknown, present().state, version, seen.get(version) ?? []);
    const [first] = explained;
    if (explained.length > 1)
      findings.push(`version ${version} was given to ${explained.length} commits that change something`);
    if (first === undefined) {
      if (seen.has(version)) findings.push(`version ${version} was seen, and no commit explains it`);
      continue;
    }
    unknown.delete(first.commit);
    versions.push({ version, ...first, state: applied(present().state, first.changes) });
  }
  return { versions, findings, at: (version) => newestUpTo(versions, version) };
}

/** Nobody told what became of it: it failed with an unknown outcome, or is still under way. */
function isUnknown({ result, failure, evaluateOnly }: RecordedCommit): boolean {
  return !evaluateOnly && result === undefined && (failure === undefined || failure === "outcome-unknown");
}

type Explained = { readonly commit: RecordedCommit; readonly changes: readonly Change[] };

/** The commit, if it changes that state. */
function candidate(state: State, commit: RecordedCommit, version: Version): Explained[] {
  const effect = effectOf(state, commit.operations, version);
  return "changes" in effect && effect.changes.length > 0 ? [{ commit, changes: effect.changes }] : [];
}

/** An unknown commit that leaves what was seen of that version. */
function guess(
  unknown: ReadonlySet<RecordedCommit>,
  state: State,
  version: Version,
  seen: readonly StoredRecord[],
): Explained[] {
  for (const commit of unknown) {
    const [found] = candidate(state, commit, version);
    if (found === undefined) continue;
    const left = new Map(found.changes.map(({ key, after }) => [keyString(key), after]));
    if (seen.every((record) => sameRecord(left.get(keyString(record.key)), record))) return [found];
  }
  return [];
}

/** Every record that anybody saw, by its version. */
function recordsSeen(history: History): ReadonlyMap<Version, readonly StoredRecord[]> {
  const seen = new Map<Version, StoredRecord[]>();
  const see = (record: StoredRecord | undefined): void => {
    if (record === undefined) return;
    const known = seen.get(record.version) ?? [];
    if (!known.some((one) => sameRecord(one, record))) seen.set(record.version, [...known, record]);
  };
  for (const recorded of history.recorded) {
    if (recorded.kind === "read") see(recorded.result?.record);
    if (recorded.kind === "list") recorded.result?.records.forEach(see);
    if (recorded.kind === "commit" && recorded.result?.outcome === "refused") see(recorded.result.current);
    if (recorded.kind !== "watch") continue;
    for (const batch of recorded.batches) {
      if (batch.kind === "snapshot") batch.records.forEach(see);
      // A delete carries what was there before, not what the commit left.
      if (batch.kind === "commit") for (const event of batch.events) see(event.record);
    }
  }
  return seen;
}

function newestUpTo(versions: readonly ReplayedVersion[], version: Version): ReplayedVersion {
  let low = 0;
  let high = versions.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((versions[middle]?.version ?? Number.POSITIVE_INFINITY) <= version) low = middle;
    else high = middle - 1;
  }
  return versions[low] as ReplayedVersion;
}
