import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CommitResult as CommitResultMessage,
  CommitResultSchema,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import {
  type Error as ErrorMessage,
  ErrorSchema,
  type List,
  type ListResult as ListResultMessage,
  ListResultSchema,
  type ListSchema,
  type MinimumPosition as MinimumMessage,
  OutcomeUnknown_Reason,
  type Position as PositionMessage,
  type ReadResult as ReadResultMessage,
  ReadResultSchema,
  type TypeQuery as TypeQueryMessage,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import type {
  ListOptions,
  ListResult,
  MinimumPosition,
  OwnerQuery,
  Position,
  ReadOptions,
  ReadResult,
  TypeQuery,
} from "../backend.ts";
import { StorageError, type StorageErrorCode, isStorageErrorCode } from "../errors.ts";
import { toVersion } from "../record.ts";
import type { AppliedCommit, RefusedCommit, UnknownOutcome } from "../sessions.ts";
import { fromNumber, known, toNumber, unsupported } from "./known.ts";
import {
  fromKeyMessage,
  fromOwnerMessage,
  fromStoredRecordMessage,
  toStoredRecordMessage,
} from "./record-codec.ts";

/** Where a store stands, as messages carry it. */
export function toPositionMessage({ storeId, version }: Position) {
  return { storeId, version: BigInt(version) };
}

/** The position of a message. Throws `unsupported`. */
export function fromPositionMessage(message: PositionMessage | undefined): Position {
  const { storeId, version } = known(message, "a position");
  return { storeId, version: toVersion(toNumber(version)) };
}

/** A lower bound as messages carry it. Throws `invalid` for a version that is none. */
export function toMinimumMessage({ storeId = "", version }: MinimumPosition) {
  return { storeId, version: fromNumber(version, "a version") };
}

/** The lower bound of a message; undefined when there is none. Throws `unsupported`. */
export function fromMinimumMessage(message: MinimumMessage | undefined): MinimumPosition | undefined {
  if (message === undefined) return undefined;
  const { storeId, version } = known(message, "a lower bound");
  return { version: toVersion(toNumber(version)), ...(storeId !== "" && { storeId }) };
}

/** A query as messages carry it. */
export function toTypeQueryMessage({ group, kind, partition, namespace, namePrefix, name }: TypeQuery) {
  return { group, kind, partition, namespace, namePrefix: namePrefix ?? "", name: name ?? "" };
}

/** The query of a message. Throws `unsupported`. */
export function fromTypeQueryMessage(message: TypeQueryMessage | undefined): TypeQuery {
  const { group, kind, partition, namespace, namePrefix, name } = known(message, "a query");
  return {
    group,
    kind,
    partition,
    namespace,
    ...(namePrefix !== "" && { namePrefix }),
    ...(name !== "" && { name }),
  };
}

const MAX_UINT32 = 0xffff_ffff;

/** A list as messages carry it. Throws `invalid` for a limit or a version that is none. */
export function toListMessage(
  query: TypeQuery | OwnerQuery,
  { consistency, minimum, atVersion, limit, after }: Omit<ListOptions, "signal">,
): MessageInitShape<typeof ListSchema> {
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1))
    throw new StorageError("invalid", `the limit of a list is a whole number from 1, found ${limit}`);
  return {
    query:
      "owner" in query
        ? { case: "owner", value: query.owner }
        : { case: "type", value: toTypeQueryMessage(query) },
    strong: consistency === "strong",
    limit: Math.min(limit ?? 0, MAX_UINT32),
    ...(minimum !== undefined && { minimum: toMinimumMessage(minimum) }),
    ...(atVersion !== undefined && { atVersion: fromNumber(atVersion, "a version") }),
    ...(after !== undefined && { after }),
  };
}

/** The list of a message. Throws `unsupported`. */
export function fromListMessage(message: List): {
  readonly query: TypeQuery | OwnerQuery;
  readonly options: ListOptions;
} {
  const { query, strong, minimum, atVersion, limit, after } = known(message, "a list");
  return {
    query: fromQuery(query),
    options: {
      ...readOptions(strong, minimum),
      limit,
      ...(atVersion !== undefined && { atVersion: toVersion(toNumber(atVersion)) }),
      ...(after !== undefined && { after: fromKeyMessage(after) }),
    },
  };
}

function fromQuery(query: List["query"]): TypeQuery | OwnerQuery {
  switch (query.case) {
    case "owner":
      return { owner: fromOwnerMessage(query.value) };
    case "type":
      return fromTypeQueryMessage(query.value);
    case undefined:
      throw unsupported("a list has a query");
  }
}

/** How a read is to be done, of the fields of its message. Throws `unsupported`. */
export function readOptions(strong: boolean, minimum: MinimumMessage | undefined): ReadOptions {
  const bound = fromMinimumMessage(minimum);
  return { ...(strong && { consistency: "strong" }), ...(bound !== undefined && { minimum: bound }) };
}

/** What became of a commit, as messages carry it. */
export function toCommitResultMessage(answer: AppliedCommit | RefusedCommit): CommitResultMessage {
  if (answer.outcome === "applied") return create(CommitResultSchema, { version: BigInt(answer.version) });
  const { version, operationIndex, preconditionIndex, current, isRemembered } = answer;
  return create(CommitResultSchema, {
    version: BigInt(version),
    refusal: {
      operation: operationIndex,
      precondition: preconditionIndex,
      remembered: isRemembered,
      ...(current !== undefined && { current: toStoredRecordMessage(current) }),
    },
  });
}

/** What a read found, as messages carry it. */
export function toReadResultMessage({ record, position }: ReadResult): ReadResultMessage {
  return create(ReadResultSchema, {
    position: toPositionMessage(position),
    ...(record !== undefined && { record: toStoredRecordMessage(record) }),
  });
}

/** What a read found, of a message. Throws `unsupported`. */
export function fromReadResultMessage({ record, position }: ReadResultMessage): ReadResult {
  return {
    record: record === undefined ? undefined : fromStoredRecordMessage(record),
    position: fromPositionMessage(position),
  };
}

/** What a list found, as messages carry it. */
export function toListResultMessage({ records, more, position }: ListResult): ListResultMessage {
  return create(ListResultSchema, {
    records: records.map(toStoredRecordMessage),
    more,
    position: toPositionMessage(position),
  });
}

/** What a list found, of a message. Throws `unsupported`. */
export function fromListResultMessage(message: ListResultMessage): ListResult {
  const { records, more, position } = known(message, "the result of a list");
  return { records: records.map(fromStoredRecordMessage), more, position: fromPositionMessage(position) };
}

/** The commit's result in a message. Throws `unsupported`. */
export function fromCommitResultMessage(message: CommitResultMessage): AppliedCommit | RefusedCommit {
  const { version: number, refusal } = known(message, "the result of a commit");
  const version = toVersion(toNumber(number));
  if (refusal === undefined) return { outcome: "applied", version };
  const { operation, precondition, current, remembered } = known(refusal, "a refusal");
  return {
    outcome: "refused",
    version,
    operationIndex: operation,
    preconditionIndex: precondition,
    current: current === undefined ? undefined : fromStoredRecordMessage(current),
    isRemembered: remembered,
  };
}

const REASONS = {
  "session-unknown": OutcomeUnknown_Reason.SESSION_UNKNOWN,
  "answered-before": OutcomeUnknown_Reason.ANSWERED_BEFORE,
} as const;

/** Why nothing is known, as messages carry it. */
export function toReason({ reason }: UnknownOutcome): OutcomeUnknown_Reason {
  return REASONS[reason];
}

/** The reason of a message. Throws `unsupported`. */
export function fromReason(reason: OutcomeUnknown_Reason): UnknownOutcome["reason"] {
  switch (reason) {
    case OutcomeUnknown_Reason.SESSION_UNKNOWN:
      return "session-unknown";
    case OutcomeUnknown_Reason.ANSWERED_BEFORE:
      return "answered-before";
    default:
      throw unsupported(`an unknown outcome has a reason, found ${reason}`);
  }
}

/**
 * An error of storage as messages carry it; what is none is a fault of the server, of which the caller is told no more than that, and that nothing is
 * known of what a mutation did.
 */
export function toErrorMessage(
  error: unknown,
  { isMutation }: { readonly isMutation: boolean },
): ErrorMessage {
  if (!StorageError.is(error)) {
    const code: StorageErrorCode = isMutation ? "outcome-unknown" : "unavailable";
    return create(ErrorSchema, { code, message: "the storage failed; its log says why" });
  }
  const { code, message, resumeVersion, isNotLeader } = error;
  return create(ErrorSchema, {
    code,
    message,
    notLeader: isNotLeader,
    ...(resumeVersion !== undefined && { resumeVersion: BigInt(resumeVersion) }),
  });
}

/**
 * The error of a message. One that this version does not know tells nothing about what a mutation did; whatever else it was about, that did not come about,
 * and may be tried again.
 */
export function fromErrorMessage(
  { code, message, resumeVersion, notLeader }: ErrorMessage,
  { isMutation }: { readonly isMutation: boolean },
): StorageError {
  const resume = resumeVersion === undefined ? undefined : Number(resumeVersion);
  const isKnown = isStorageErrorCode(code) && (resume === undefined || Number.isSafeInteger(resume));
  if (!isKnown || (code === "outcome-unknown" && !isMutation))
    return new StorageError(isMutation ? "outcome-unknown" : "unavailable", message);
  return new StorageError(code, message, { isNotLeader: notLeader, resumeVersion: resume });
}
