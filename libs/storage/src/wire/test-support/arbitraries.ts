import fc from "fast-check";

import type { ListOptions, OwnerQuery, TypeQuery } from "../../backend.ts";
import { STORAGE_ERROR_CODES } from "../../errors.ts";
import type { Key } from "../../key.ts";
import type { Operation, Precondition } from "../../operation.ts";
import { type OwnerRef, type RecordInit, type StoredRecord, toVersion } from "../../record.ts";
import type { AppliedCommit, RefusedCommit, SessionRequest } from "../../sessions.ts";
import type { StoredEvent, WatchBatch } from "../../watch.ts";
import type { ServerStatus } from "../server-status.ts";

/** Text as names are made of, the empty one too. */
export const text: fc.Arbitrary<string> = fc.string({ maxLength: 70 });
const number = fc.maxSafeNat();
/** Versions up to the last. */
export const version = number.map(toVersion);
const uint32 = fc.nat(0xffff_ffff);

export const key: fc.Arbitrary<Key> = fc.record({
  group: text,
  kind: text,
  partition: text,
  namespace: text,
  name: text,
});
export const owner: fc.Arbitrary<OwnerRef> = fc.record({ key, uid: text });
export const record: fc.Arbitrary<RecordInit> = fc.record({
  uid: text,
  groupVersion: text,
  generation: text,
  owner: fc.option(owner, { nil: undefined }),
  marked: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 300 }),
});
export const storedRecord: fc.Arbitrary<StoredRecord> = fc
  .tuple(key, version, record)
  .map(([at, of, init]) => ({ key: at, version: of, ...init }));

export const precondition: fc.Arbitrary<Precondition> = fc.oneof(
  fc.constantFrom<Precondition>({ kind: "absent" }, { kind: "exists" }, { kind: "live" }),
  fc.tuple(fc.constantFrom("exists", "live"), text).map(([kind, uid]): Precondition => ({ kind, uid })),
  version.map((of): Precondition => ({ kind: "version", version: of })),
  text.map((generation): Precondition => ({ kind: "generation", generation })),
);
const preconditions = fc.array(precondition, { maxLength: 5 });
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), key, record, preconditions }),
  fc.record({ kind: fc.constantFrom("delete" as const, "check" as const), key, preconditions }),
);

export const sessionRequest: fc.Arbitrary<SessionRequest> = fc.record({
  session: fc.record({ id: text, openedAt: number }),
  sequence: number,
  lowestUnanswered: number,
});
export const commitAnswer: fc.Arbitrary<AppliedCommit | RefusedCommit> = fc.oneof(
  fc.record({ outcome: fc.constant("applied" as const), version }),
  fc.record({
    outcome: fc.constant("refused" as const),
    version,
    operationIndex: uint32,
    preconditionIndex: uint32,
    current: fc.option(storedRecord, { nil: undefined }),
    isRemembered: fc.boolean(),
  }),
);

const storedEvent: fc.Arbitrary<StoredEvent> = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    record: storedRecord,
    previous: fc.option(storedRecord, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("delete" as const), record: storedRecord }),
);
export const watchBatch: fc.Arbitrary<WatchBatch> = fc.oneof(
  fc.record({ kind: fc.constant("snapshot" as const), records: fc.array(storedRecord, { maxLength: 4 }) }),
  fc.record({ kind: fc.constantFrom("endOfSnapshot" as const, "bookmark" as const), version }),
  fc.record({
    kind: fc.constant("commit" as const),
    version,
    events: fc.array(storedEvent, { maxLength: 4 }),
  }),
);

export const storageError = fc.record({
  code: fc.constantFrom(...STORAGE_ERROR_CODES),
  message: text,
  resumeVersion: fc.option(number, { nil: undefined }),
  isNotLeader: fc.boolean(),
});

/** Filters that the empty text leaves out are left out, as messages have no other absence of a text. */
const filter = fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined });
const typeQuery: fc.Arbitrary<TypeQuery> = fc
  .tuple(text, text, text, text, filter, filter)
  .map(([group, kind, partition, namespace, namePrefix, name]) => ({
    group,
    kind,
    partition,
    namespace,
    ...(namePrefix !== undefined && { namePrefix }),
    ...(name !== undefined && { name }),
  }));
export const query: fc.Arbitrary<TypeQuery | OwnerQuery> = fc.oneof(
  typeQuery,
  owner.map((of) => ({ owner: of })),
);
export const listOptions: fc.Arbitrary<ListOptions> = fc.record(
  {
    consistency: fc.constant("strong" as const),
    minimum: fc.oneof(
      version.map((of) => ({ version: of })),
      fc.record({ version, storeId: fc.string({ minLength: 1, maxLength: 26 }) }),
    ),
    atVersion: version,
    limit: fc.integer({ min: 1, max: 0xffff_ffff }),
    after: key,
  },
  { requiredKeys: [] },
);

export const serverStatus: fc.Arbitrary<ServerStatus> = fc.record({
  role: fc.constantFrom("node", "forwarder"),
  clusterId: text,
  nodeId: number,
  name: text,
  position: fc.option(fc.record({ storeId: text, version }), { nil: undefined }),
  term: number,
  leaderId: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
  takesCommits: fc.boolean(),
  leaderlessMs: uint32,
  isStopping: fc.boolean(),
  members: fc.array(fc.record({ nodeId: number, name: text, address: text }), { maxLength: 5 }),
});
