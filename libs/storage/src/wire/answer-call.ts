import { create } from "@bufbuild/protobuf";
import { type Commit, SessionSchema } from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import {
  type Call,
  type Evaluate,
  type List,
  OutcomeUnknownSchema,
  type Read,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import type { ReadOptions } from "../backend.ts";
import type { Key } from "../key.ts";
import type { CommitResult, Operation } from "../operation.ts";
import type { Submitted } from "../sessions.ts";
import type { AnswerContent } from "./answer-bytes.ts";
import type { ReceivedCall } from "./call-bytes.ts";
import type { CallUnderWay } from "./call-under-way.ts";
import { fromListMessage, readOptions, toReason } from "./call-codec.ts";
import { known, unsupported } from "./known.ts";
import { fromOperationMessage } from "./operation-codec.ts";
import { BATCH_BYTES } from "./protocol.ts";
import { fromKeyMessage } from "./record-codec.ts";
import { fromRequestMessage, fromSessionMessage, toSessionMessage } from "./session-codec.ts";
import type { StorageEndpoint } from "./storage-routes.ts";
import { storedWeight } from "./weights.ts";
import type { WrittenCommit } from "./write-commit.ts";

/** Records that one answer to a list carries at most. */
const LIST_RECORDS = 1024;

type Answered = AnswerContent | Promise<AnswerContent>;

/**
 * Does what a call asks for; at once where the endpoint can. Throws or rejects as the endpoint does, and with `unsupported` for a call that this version does not know
 * to its last field.
 */
export function answerCall(endpoint: StorageEndpoint, call: ReceivedCall, underWay: CallUnderWay): Answered {
  switch (call.case) {
    case "commit":
      return commit(endpoint, call.commit, underWay);
    case "read":
      return read(endpoint, call, underWay);
    case "message":
      return answerMessage(endpoint, call.message, underWay);
  }
}

function answerMessage(endpoint: StorageEndpoint, message: Call, underWay: CallUnderWay): Answered {
  const { call } = known(message, "a call");
  switch (call.case) {
    case "commit":
      return commit(endpoint, fromCommitMessage(known(call.value, "a commit")), underWay);
    case "evaluate":
      return evaluate(endpoint, known(call.value, "an evaluation"), underWay.signal);
    case "read":
      return read(endpoint, fromReadMessage(known(call.value, "a read")), underWay);
    case "list":
      return list(endpoint, call.value, underWay.signal);
    case "openSession":
      return openSession(endpoint, known(call.value, "an opening of a session").id, underWay.signal);
    case "keepAlive": {
      const { session } = known(call.value, "a sign of life");
      const { signal } = underWay;
      return endpoint
        .keepAlive(fromSessionMessage(session), { signal })
        .then((value) => ({ case: "kept", value }));
    }
    case undefined:
      throw unsupported("a call asks for something");
  }
}

function fromCommitMessage({ session, operations }: Commit): WrittenCommit {
  // First: of two things that are not known, that was told.
  const read = operations.map(fromOperationMessage);
  return { request: session === undefined ? undefined : fromRequestMessage(session), operations: read };
}

function fromReadMessage({ key, strong, minimum }: Read) {
  return { key: fromKeyMessage(key), options: readOptions(strong, minimum) };
}

function commit(
  endpoint: StorageEndpoint,
  { request, operations, encoded }: WrittenCommit,
  underWay: CallUnderWay,
): Promise<AnswerContent> {
  if (request === undefined)
    return endpoint.commit(operations, underWay).then((result) => committed(result, operations));
  underWay.encoded = encoded;
  const submitting = endpoint.submit(request, operations, underWay);
  // Whoever takes the bytes over has done so.
  underWay.encoded = undefined;
  return submitting.then(submitted);
}

function submitted(answer: Submitted): AnswerContent {
  if (answer.outcome === "unknown")
    return { case: "unknown", value: create(OutcomeUnknownSchema, { reason: toReason(answer) }) };
  return { case: "committed", value: answer };
}

async function evaluate(
  endpoint: StorageEndpoint,
  { operations: messages }: Evaluate,
  signal: AbortSignal,
): Promise<AnswerContent> {
  const operations = messages.map(fromOperationMessage);
  return committed(await endpoint.commit(operations, { evaluateOnly: true, signal }), operations);
}

function committed(result: CommitResult, operations: readonly Operation[]): AnswerContent {
  if (result.outcome === "applied") return { case: "committed", value: result };
  const { operationIndex, precondition, current, version } = result;
  const preconditionIndex = operations[operationIndex]?.preconditions.indexOf(precondition) ?? -1;
  if (preconditionIndex < 0)
    throw new Error("broken invariant of storage: what was refused is none of the commit's preconditions");
  const refused = { operationIndex, preconditionIndex, current, version, isRemembered: false };
  return { case: "committed", value: { outcome: "refused", ...refused } };
}

function read(
  endpoint: StorageEndpoint,
  { key, options }: { readonly key: Key; readonly options: ReadOptions },
  underWay: CallUnderWay,
): Answered {
  const { consistency, minimum } = options;
  const now = endpoint.readNow?.(key, options);
  if (now !== undefined) return { case: "read", value: now };
  return endpoint
    .read(key, { consistency, minimum, signal: underWay.signal })
    .then((value) => ({ case: "read", value }));
}

async function openSession(
  endpoint: StorageEndpoint,
  id: string,
  signal: AbortSignal,
): Promise<AnswerContent> {
  const session = await endpoint.openSession(id, { signal });
  return { case: "opened", value: create(SessionSchema, toSessionMessage(session)) };
}

async function list(endpoint: StorageEndpoint, message: List, signal: AbortSignal): Promise<AnswerContent> {
  const { query, options } = fromListMessage(message);
  const { limit = 0 } = options;
  const found = await endpoint.list(query, {
    ...options,
    limit: limit === 0 ? LIST_RECORDS : Math.min(limit, LIST_RECORDS),
    signal,
  });
  const { records } = found;
  // What is too much for one message is asked for again, after the last one.
  let fitting = 0;
  let bytes = 0;
  for (const record of records) {
    bytes += storedWeight(record);
    if (fitting > 0 && bytes > BATCH_BYTES) break;
    fitting++;
  }
  if (fitting === records.length) return { case: "list", value: found };
  return { case: "list", value: { ...found, records: records.slice(0, fitting), more: true } };
}
