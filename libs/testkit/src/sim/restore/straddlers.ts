import {
  type Key,
  type Operation,
  type Position,
  type Session,
  StorageError,
  type StoredRecord,
  type Version,
} from "@trellis/storage";
import type { Replica, RestoredStore } from "@trellis/storage-raft";

import type { Machine } from "../cluster/machine.ts";

/** What clients hold of a store that is restored behind their backs. */
export interface Holdings {
  readonly key: Key;
  /** All that the key held, oldest first. */
  readonly written: readonly StoredRecord[];
  /** The newest position that anybody saw. */
  readonly position: Position;
  /** A session in which nothing was committed yet. */
  readonly session: Session;
}

/** Told what is wrong, in words. */
export type Report = (finding: string) => void;

/** A put of a content that is met nowhere else. */
export function putOf(key: Key, content: string, version?: Version): Operation {
  const record = {
    uid: "uid-straddled",
    groupVersion: "v1",
    generation: content,
    marked: false,
    bytes: new TextEncoder().encode(content),
  };
  return {
    kind: "put",
    key,
    record,
    preconditions: version === undefined ? [] : [{ kind: "version", version }],
  };
}

/** What the key holds in the restored store: what it held as of the snapshot. */
export function survivorOf({ written }: Holdings, snapshotVersion: number): StoredRecord | undefined {
  return written.findLast(({ version }) => version <= snapshotVersion);
}

/** Readers and watchers who go on with a position of the store of before: each is told, on every member. */
export async function askWithFormerPosition(
  { name }: Machine,
  { backend }: Replica,
  { key, position }: Holdings,
  report: Report,
): Promise<void> {
  const query = { group: key.group, kind: key.kind, partition: key.partition, namespace: key.namespace };
  const told = async (what: string, codes: readonly string[], ask: () => Promise<unknown>): Promise<void> => {
    try {
      await ask();
      report(`${name} answers ${what} of a store that was restored since`);
    } catch (error) {
      if (!StorageError.is(error)) throw error;
      if (!codes.includes(error.code)) report(`${name} refuses ${what} with ${error.code}: ${error.message}`);
    }
  };
  const changed = ["store-changed", "unavailable"];
  await told("a watch that goes on from a version", changed, async () => {
    const watch = backend.watch(query, { since: position });
    await watch.next().finally(() => watch.close());
  });
  await told("a read with a minimum", changed, () => backend.read(key, { minimum: position }));
  await told("a list with a minimum", changed, () => backend.list(query, { minimum: position }));
  await told("a page as of a version", ["version-gone", "unavailable"], () =>
    backend.list(query, { atVersion: position.version }),
  );
}

/** Does something on the leader, again until it is not refused for want of one. */
export type OnLeader = <T>(work: (replica: Replica) => Promise<T>) => Promise<T>;

/** Writers who go on with versions and sessions of before: nothing of that is carried out that rests on what was lost. */
export async function writeWithFormerVersion(
  onLeader: OnLeader,
  holdings: Holdings,
  { restored, snapshotVersion }: { readonly restored: RestoredStore; readonly snapshotVersion: number },
  report: Report,
): Promise<void> {
  const { key, written, session } = holdings;
  const survivor = survivorOf(holdings, snapshotVersion);
  const { record: found } = await onLeader(({ backend }) => backend.read(key, { consistency: "strong" }));
  if (found?.version !== survivor?.version || found?.generation !== survivor?.generation)
    report(
      `the store holds ${found?.generation} of version ${found?.version}, the snapshot held ${survivor?.generation} of ${survivor?.version}`,
    );
  const request = { session, sequence: 1, lowestUnanswered: 1 };
  const { outcome } = await onLeader(({ backend }) =>
    backend.submit(request, [putOf(key, "of a former session")]),
  );
  if (outcome !== "unknown") report(`a session of before is answered with ${outcome}`);
  // The key gets as many versions as were lost, so that a numbering that begins again would meet them.
  const lost = written.filter(({ version }) => version > snapshotVersion);
  for (let number = 0; number <= lost.length; number++) {
    for (const { version } of lost) {
      const over = [putOf(key, "over what was lost", version)];
      const result = await onLeader(({ backend }) => backend.commit(over));
      if (result.outcome !== "refused")
        report(`a write over version ${version}, which was lost, is ${result.outcome}`);
    }
    const result = await onLeader(({ backend }) => backend.commit([putOf(key, `anew ${number}`)]));
    if (result.version <= restored.version)
      report(`version ${result.version} is given out, although it began with ${restored.version}`);
  }
}
