import { keyString, keyText, type StoredEvent, type StoredRecord, type Version } from "@trellis/storage";

import type {
  History,
  Recorded,
  RecordedCommit,
  RecordedList,
  RecordedRead,
  RecordedWatch,
} from "./history.ts";
import { effectOf, matches, matching, sameRecord } from "./model.ts";
import { judgeOrder } from "./order.ts";
import { replay, type Replay } from "./replay.ts";

/** Findings beyond which a history is bad enough. */
const MAX_FINDINGS = 50;

/**
 * The main judge (DESIGN §10.3): replays the commits in the order of their versions through a plain model, and holds every answer against
 * it: commits and refusals, reads, lists, watches; then holds the order of versions against real time. Returns what is wrong, in
 * words; nothing for a history that a correct store can have.
 */
export function judgeHistory(history: History): readonly string[] {
  const replayed = replay(history);
  const findings = [...replayed.findings];
  for (const recorded of history.recorded) {
    if (findings.length >= MAX_FINDINGS) return findings;
    findings.push(...judgeOne(recorded, replayed));
  }
  return [...findings, ...judgeOrder(history, replayed)].slice(0, MAX_FINDINGS);
}

function judgeOne(recorded: Recorded, replayed: Replay): readonly string[] {
  switch (recorded.kind) {
    case "commit":
      return judgeCommit(recorded, replayed);
    case "read":
      return judgeRead(recorded, replayed);
    case "list":
      return judgeList(recorded, replayed);
    case "watch":
      return judgeWatch(recorded, replayed);
  }
}

function judgeCommit(commit: RecordedCommit, { at }: Replay): readonly string[] {
  const { result, operations, evaluateOnly } = commit;
  if (result === undefined) return [];
  const { version, state, commit: maker } = at(result.version);
  if (maker === commit && version === result.version) return [];
  const effect = effectOf(state, operations, result.version);
  const what = `a commit of ${operations.length} operations at version ${result.version}`;
  if (result.outcome === "applied") {
    if ("refused" in effect)
      return [`${what} was applied, and its operation ${effect.refused.operationIndex} must be refused`];
    return effect.changes.length === 0 || evaluateOnly
      ? []
      : [`${what} changes something, and is not that version`];
  }
  if ("changes" in effect) return [`${what} was refused, and nothing forbids it`];
  const { operationIndex } = effect.refused;
  if (operationIndex !== result.operationIndex) {
    return [
      `${what} was refused for operation ${result.operationIndex}, and operation ${operationIndex} fails first`,
    ];
  }
  const key = operations[operationIndex]?.key;
  const current = key === undefined ? undefined : state.get(keyString(key));
  return sameRecord(current, result.current)
    ? []
    : [`${what} was refused with ${told(result.current)}; stored was ${told(current)}`];
}

function judgeRead({ key, result }: RecordedRead, { at }: Replay): readonly string[] {
  if (result === undefined) return [];
  const { version } = result.position;
  const expected = at(version).state.get(keyString(key));
  return sameRecord(expected, result.record)
    ? []
    : [
        `a read of ${keyText(key)} at version ${version} gave ${told(result.record)}; stored was ${told(expected)}`,
      ];
}

function judgeList({ query, options, result }: RecordedList, { at }: Replay): readonly string[] {
  if (result === undefined) return [];
  const { version } = result.position;
  const findings: string[] = [];
  if (options.atVersion !== undefined && options.atVersion !== version)
    findings.push(`a list at version ${options.atVersion} shows version ${version}`);
  const { after, limit = Number.POSITIVE_INFINITY } = options;
  const all = matching(at(version).state, query).filter(
    ({ key }) => after === undefined || keyString(key) > keyString(after),
  );
  const expected = all.slice(0, result.records.length);
  const same =
    expected.length === result.records.length &&
    expected.every((one, index) => sameRecord(one, result.records[index]));
  if (!same || result.records.length > limit)
    findings.push(
      `a list at version ${version} gave ${names(result.records)}; stored were ${names(all.slice(0, limit))}`,
    );
  if (result.more !== all.length > result.records.length)
    findings.push(
      `a list at version ${version} said more: ${result.more}, with ${all.length - result.records.length} left`,
    );
  return findings;
}

function judgeWatch(watch: RecordedWatch, replayed: Replay): readonly string[] {
  const { query, batches } = watch;
  const findings: string[] = [];
  const snapshot: StoredRecord[] = [];
  let reached = watch.since;
  for (const batch of batches) {
    if (batch.kind === "snapshot") {
      snapshot.push(...batch.records);
      continue;
    }
    const { version } = batch;
    if (batch.kind === "endOfSnapshot" && watch.since === undefined) {
      const expected = matching(replayed.at(version).state, query);
      const same =
        expected.length === snapshot.length &&
        expected.every((one, index) => sameRecord(one, snapshot[index]));
      if (!same)
        findings.push(
          `a snapshot of version ${version} gave ${names(snapshot)}; stored were ${names(expected)}`,
        );
      reached = version;
      continue;
    }
    const missed = touching(replayed, query, reached ?? version, version).filter(
      (one) => one !== version || batch.kind !== "commit",
    );
    if (missed.length > 0)
      findings.push(`a watch went on to version ${version} without version ${missed[0]}`);
    if (batch.kind === "commit") findings.push(...judgeEvents(batch.events, version, watch, replayed));
    if (reached !== undefined && (batch.kind === "commit" ? version <= reached : version < reached))
      findings.push(`a watch went back from version ${reached} to ${version}`);
    reached = version;
  }
  return findings;
}

/** The versions after one and up to another that touch what a query means. */
function touching(
  { versions }: Replay,
  query: RecordedWatch["query"],
  from: Version,
  to: Version,
): readonly Version[] {
  return versions
    .filter(
      ({ version, changes }) =>
        version > from && version <= to && changes.some((change) => matches(change, query)),
    )
    .map(({ version }) => version);
}

function judgeEvents(
  events: readonly StoredEvent[],
  version: Version,
  { query }: RecordedWatch,
  replayed: Replay,
): readonly string[] {
  const replayedVersion = replayed.at(version);
  const changes =
    replayedVersion.version === version
      ? replayedVersion.changes.filter((change) => matches(change, query))
      : [];
  const same =
    changes.length === events.length &&
    changes.every(({ before, after }, index) => {
      const event = events[index];
      if (event?.kind === "put") return sameRecord(event.record, after) && sameRecord(event.previous, before);
      return after === undefined && sameRecord(event?.record, before);
    });
  return same
    ? []
    : [`a watch's events of version ${version} are not what that commit did to what is watched`];
}

function told(record: StoredRecord | undefined): string {
  return record === undefined ? "nothing" : `${keyText(record.key)} of version ${record.version}`;
}

/** How many records a finding names. */
const TOLD_RECORDS = 5;

function names(records: readonly StoredRecord[]): string {
  const shown = records.slice(0, TOLD_RECORDS).map(({ key, version }) => `${key.name}@${version}`);
  return `${records.length} (${[...shown, ...(records.length > TOLD_RECORDS ? ["…"] : [])].join(", ")})`;
}
