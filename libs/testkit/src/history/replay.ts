import { type Key, keyString, type StoredRecord, type Version } from "@trellis/storage";

import type { History, RecordedCommit } from "./history.ts";
import { applied, type Change, effectOf, sameRecord, type State } from "./model.ts";
import { Witnesses } from "./witnesses.ts";

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

/** What somebody saw of what a version left: records, and keys that it took away. */
interface Seen {
  readonly records: StoredRecord[];
  readonly gone: Key[];
}

/**
 * Replays the commits that changed something. A commit whose outcome is unknown is taken for applied at a version where somebody saw what it
 * leaves, and that no other commit explains.
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
  const seen = whatWasSeen(history);
  const witnesses = new Witnesses(history);
  const versions: ReplayedVersion[] = [
    { version: history.start.version, commit: undefined, changes: [], state: new Map() },
  ];
  const present = (): ReplayedVersion => versions.at(-1) as ReplayedVersion;

  const numbers = [...new Set([...answered.keys(), ...seen.keys()])].sort((a, b) => a - b);
  for (const version of numbers) {
    if (version <= history.start.version) continue;
    const changing = makersOf(present().state, answered.get(version) ?? [], version);
    const left = seen.get(version);
    const explained =
      changing.length > 0 || left === undefined
        ? changing
        : guess({ unknown, state: present().state, version, seen: left, witnesses });
    const [first] = explained;
    if (explained.length > 1)
      findings.push(`version ${version} was given to ${explained.length} commits that change something`);
    if (first === undefined) {
      if (left !== undefined) findings.push(`version ${version} was seen, and no commit explains it`);
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

/**
 * The commits that can have made a version, of those that were answered with it: one, in a good history. Who changed nothing was answered with the
 * version that there was: it may change something before that version, and must not after it.
 */
function makersOf(state: State, commits: readonly RecordedCommit[], version: Version): readonly Explained[] {
  const changing = commits.flatMap((commit) => candidate(state, commit, version));
  const makers = changing.filter(({ commit, changes }) => {
    const next = applied(state, changes);
    return changing.every(
      (other) => other.commit === commit || candidate(next, other.commit, version).length === 0,
    );
  });
  const [maker] = makers;
  return maker === undefined ? changing : [maker];
}

/**
 * An unknown commit that leaves what was seen of that version. When several would, one that no watch contradicts: a watch that went past a version
 * says which keys changed there, and that no others did.
 */
function guess({
  unknown,
  state,
  version,
  seen: { records, gone },
  witnesses,
}: {
  readonly unknown: ReadonlySet<RecordedCommit>;
  readonly state: State;
  readonly version: Version;
  readonly seen: Seen;
  readonly witnesses: Witnesses;
}): Explained[] {
  const possible: Explained[] = [];
  for (const commit of unknown) {
    const [found] = candidate(state, commit, version);
    if (found === undefined) continue;
    const left = new Map(found.changes.map(({ key, after }) => [keyString(key), after]));
    const isLeft = records.every((record) => sameRecord(left.get(keyString(record.key)), record));
    const isGone = gone.every((key) => left.has(keyString(key)) && left.get(keyString(key)) === undefined);
    if (isLeft && isGone) possible.push(found);
  }
  const likely = possible.find(({ changes }) => witnesses.agree(version, changes)) ?? possible[0];
  return likely === undefined ? [] : [likely];
}

/** Everything that anybody saw, by its version. */
function whatWasSeen(history: History): ReadonlyMap<Version, Seen> {
  const seen = new Map<Version, Seen>();
  const of = (version: Version): Seen => {
    const known = seen.get(version) ?? { records: [], gone: [] };
    seen.set(version, known);
    return known;
  };
  const see = (record: StoredRecord | undefined): void => {
    if (record === undefined) return;
    const { records } = of(record.version);
    if (!records.some((one) => sameRecord(one, record))) records.push(record);
  };
  for (const recorded of history.recorded) {
    if (recorded.kind === "read") see(recorded.result?.record);
    if (recorded.kind === "list") recorded.result?.records.forEach(see);
    if (recorded.kind === "commit" && recorded.result?.outcome === "refused") see(recorded.result.current);
    if (recorded.kind !== "watch") continue;
    for (const batch of recorded.batches) {
      if (batch.kind === "snapshot") batch.records.forEach(see);
      if (batch.kind !== "commit") continue;
      for (const { kind, record } of batch.events) {
        // A delete carries what was there before, not what the commit left.
        if (kind === "put") see(record);
        else of(batch.version).gone.push(record.key);
      }
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
