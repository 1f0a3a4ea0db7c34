import {
  type Key,
  type Operation,
  type OwnerRef,
  type Precondition,
  type RecordInit,
  type SessionRequest,
  StandingCheck,
  TextKey,
} from "@trellis/storage";

import type { Command } from "./command.ts";
import { encodeCommit, entryOf } from "./encode-commit.ts";

type Commit = Extract<Command, { kind: "commit" }>;

/** Commits of more operations are read from the log as those of others are: bounds what is kept beside the entries that wait. */
export const MAX_KEPT_OPERATIONS = 64;

/**
 * A commit as its proposer keeps it beside the entry, to apply it without reading the entry: equal in every respect to what `decodeCommand` reads, or
 * replicas would diverge. So it is made of copies, in the form in which messages are read, and its records' bytes are the entry's.
 */
export class OwnCommit implements Commit {
  readonly kind = "commit";
  readonly request: SessionRequest | undefined;
  readonly operations: readonly Operation[];
  /** The entry that says it, once it is made. */
  #entry: Uint8Array | undefined;

  constructor(request: SessionRequest | undefined, operations: readonly Operation[]) {
    this.request = request;
    this.operations = operations;
  }

  /** Ties it to the entry that was made of it, in which the bytes of its records begin so far before the end, from the last one on. */
  isSaidBy(entry: Uint8Array, recordStarts: readonly number[]): void {
    this.#entry = entry;
    let next = 0;
    for (let at = this.operations.length - 1; at >= 0; at--) {
      const operation = this.operations[at];
      if (operation?.kind !== "put") continue;
      const record: { bytes: Uint8Array } = operation.record;
      const start = entry.length - (recordStarts[next++] ?? 0);
      record.bytes = entry.subarray(start, start + record.bytes.length);
    }
  }

  /** The same for an entry that ends with the bytes of which it was read. */
  isTakenFrom(encoded: Uint8Array, entry: Uint8Array): void {
    this.#entry = entry;
    const before = entry.length - encoded.length - encoded.byteOffset;
    for (const operation of this.operations) {
      if (operation.kind !== "put") continue;
      const record: { bytes: Uint8Array } = operation.record;
      const { byteOffset, length } = record.bytes;
      // Those that are empty are no part of anything.
      if (length === 0) continue;
      record.bytes = entry.subarray(before + byteOffset, before + byteOffset + length);
    }
  }

  /** Whether a command is the one that its entry says: not alike, but the same memory. */
  isOf(command: Uint8Array): boolean {
    const entry = this.#entry;
    return (
      entry !== undefined &&
      command.length === entry.length - 1 &&
      command.byteOffset === entry.byteOffset + 1 &&
      command.buffer === entry.buffer
    );
  }
}

/** An entry of the log, with the commit that it says when that need not be read from it. */
export interface ProposedCommit {
  readonly entry: Uint8Array;
  /** Absent for texts that might not be read as they were given, and for many operations. */
  readonly own: OwnCommit | undefined;
}

/** Makes the entry for a commit. What of the commit is changed afterwards changes neither the entry nor what is kept. */
export function proposedCommit(commit: Commit): ProposedCommit {
  if (commit.operations.length > MAX_KEPT_OPERATIONS)
    return { entry: encodeCommit(commit).entry, own: undefined };
  // The copies are encoded, and not what was given: so that both are sure to say the same.
  const request = commit.request === undefined ? undefined : ownRequest(commit.request);
  const own = new OwnCommit(request, commit.operations.map(ownOperation));
  const { entry, isPlain, recordStarts } = encodeCommit(own);
  if (!isPlain) return { entry, own: undefined };
  own.isSaidBy(entry, recordStarts);
  return { entry, own };
}

/** The entry for a commit that was read of its bytes, as they came: it says the same, and the operations that were read are kept. They are nobody else's. */
export function takenCommit({ request, operations }: Commit, encoded: Uint8Array): ProposedCommit {
  const entry = entryOf(encoded);
  if (operations.length > MAX_KEPT_OPERATIONS) return { entry, own: undefined };
  const own = new OwnCommit(request, operations);
  own.isTakenFrom(encoded, entry);
  return { entry, own };
}

function ownRequest({ session, sequence, lowestUnanswered }: SessionRequest): SessionRequest {
  const { id, openedAt } = session;
  return {
    session: { id, openedAt: ownNumber(openedAt) },
    sequence: ownNumber(sequence),
    lowestUnanswered: ownNumber(lowestUnanswered),
  };
}

function ownOperation(operation: Operation): Operation {
  if (operation instanceof StandingCheck) return operation;
  const { kind, key: of } = operation;
  const key = ownKey(of);
  const preconditions = operation.preconditions.map(ownPrecondition);
  if (kind !== "put") return { kind, key, preconditions };
  return { kind, key, record: ownRecord(operation.record), preconditions };
}

function ownRecord({ uid, groupVersion, generation, owner, marked, bytes }: RecordInit): RecordInit {
  return {
    uid,
    groupVersion,
    generation,
    owner: owner === undefined ? undefined : ownOwner(owner),
    marked: Boolean(marked),
    bytes,
  };
}

function ownOwner({ key, uid }: OwnerRef): OwnerRef {
  return { key: ownKey(key), uid };
}

function ownKey(key: Key): Key {
  if (key instanceof TextKey) return key.copy();
  const { group, kind, partition, namespace, name } = key;
  return { group, kind, partition, namespace, name };
}

function ownPrecondition(precondition: Precondition): Precondition {
  switch (precondition.kind) {
    case "absent":
      return { kind: "absent" };
    case "exists":
    case "live": {
      const { kind, uid } = precondition;
      return uid === undefined ? { kind } : { kind, uid };
    }
    case "version":
      return { kind: "version", version: ownNumber(precondition.version) };
    case "generation":
      return { kind: "generation", generation: precondition.generation };
  }
}

/** A number as it is read: messages know no -0. */
function ownNumber<N extends number>(value: N): N {
  return value === 0 ? (0 as N) : value;
}
