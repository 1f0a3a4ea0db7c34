import { create } from "@bufbuild/protobuf";
import {
  type Answer,
  type Call,
  type Evaluate,
  type List,
  ListResultSchema,
  OutcomeUnknownSchema,
  type Read,
  ReadResultSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import {
  type Commit,
  CommitResultSchema,
  SessionSchema,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";

import type { CommitResult, Operation } from "../operation.ts";
import {
  fromListMessage,
  readOptions,
  toCommitResultMessage,
  toPositionMessage,
  toReason,
} from "./call-codec.ts";
import { known, unsupported } from "./known.ts";
import { fromOperationMessage } from "./operation-codec.ts";
import { BATCH_BYTES } from "./protocol.ts";
import { fromKeyMessage, toStoredRecordMessage } from "./record-codec.ts";
import { fromRequestMessage, fromSessionMessage, toSessionMessage } from "./session-codec.ts";
import type { StorageEndpoint } from "./storage-routes.ts";
import { recordWeight } from "./weights.ts";

/** Records that one answer to a list carries at most. */
const LIST_RECORDS = 1024;

/** Does what a call asks for. Rejects as the endpoint does, and with `unsupported` for a call that this version does not know to its last field. */
export async function answerCall(
  endpoint: StorageEndpoint,
  message: Call,
  signal: AbortSignal,
): Promise<Answer["answer"]> {
  const { call } = known(message, "a call");
  switch (call.case) {
    case "commit":
      return await commit(endpoint, known(call.value, "a commit"), signal);
    case "evaluate":
      return await evaluate(endpoint, known(call.value, "an evaluation"), signal);
    case "read":
      return await read(endpoint, known(call.value, "a read"), signal);
    case "list":
      return await list(endpoint, call.value, signal);
    case "openSession": {
      const { id } = known(call.value, "an opening of a session");
      const session = await endpoint.openSession(id, { signal });
      return { case: "opened", value: create(SessionSchema, toSessionMessage(session)) };
    }
    case "keepAlive": {
      const { session } = known(call.value, "a sign of life");
      return { case: "kept", value: await endpoint.keepAlive(fromSessionMessage(session), { signal }) };
    }
    case undefined:
      throw unsupported("a call asks for something");
  }
}

async function commit(
  endpoint: StorageEndpoint,
  { session, operations: messages }: Commit,
  signal: AbortSignal,
): Promise<Answer["answer"]> {
  const operations = messages.map(fromOperationMessage);
  if (session === undefined) {
    const result = await endpoint.commit(operations, { signal });
    return { case: "committed", value: resultMessage(result, operations) };
  }
  const answer = await endpoint.submit(fromRequestMessage(session), operations, { signal });
  if (answer.outcome === "unknown")
    return { case: "unknown", value: create(OutcomeUnknownSchema, { reason: toReason(answer) }) };
  return { case: "committed", value: toCommitResultMessage(answer) };
}

async function evaluate(
  endpoint: StorageEndpoint,
  { operations: messages }: Evaluate,
  signal: AbortSignal,
): Promise<Answer["answer"]> {
  const operations = messages.map(fromOperationMessage);
  const result = await endpoint.commit(operations, { evaluateOnly: true, signal });
  return { case: "committed", value: resultMessage(result, operations) };
}

function resultMessage(result: CommitResult, operations: readonly Operation[]) {
  if (result.outcome === "applied") return create(CommitResultSchema, { version: BigInt(result.version) });
  const { operationIndex, precondition, current, version } = result;
  const preconditionIndex = operations[operationIndex]?.preconditions.indexOf(precondition) ?? -1;
  if (preconditionIndex < 0)
    throw new Error("broken invariant of storage: what was refused is none of the commit's preconditions");
  return toCommitResultMessage({
    outcome: "refused",
    version,
    operationIndex,
    preconditionIndex,
    current,
    isRemembered: false,
  });
}

async function read(
  endpoint: StorageEndpoint,
  { key, strong, minimum }: Read,
  signal: AbortSignal,
): Promise<Answer["answer"]> {
  const { record, position } = await endpoint.read(fromKeyMessage(key), {
    ...readOptions(strong, minimum),
    signal,
  });
  return {
    case: "read",
    value: create(ReadResultSchema, {
      position: toPositionMessage(position),
      ...(record !== undefined && { record: toStoredRecordMessage(record) }),
    }),
  };
}

async function list(
  endpoint: StorageEndpoint,
  message: List,
  signal: AbortSignal,
): Promise<Answer["answer"]> {
  const { query, options } = fromListMessage(message);
  const { limit = 0 } = options;
  const found = await endpoint.list(query, {
    ...options,
    limit: limit === 0 ? LIST_RECORDS : Math.min(limit, LIST_RECORDS),
    signal,
  });
  const records = found.records.map(toStoredRecordMessage);
  // What is too much for one message is asked for again, after the last one.
  let fitting = 0;
  for (let bytes = 0; fitting < records.length; fitting++) {
    bytes += recordWeight(records[fitting]);
    if (fitting > 0 && bytes > BATCH_BYTES) break;
  }
  return {
    case: "list",
    value: create(ListResultSchema, {
      records: records.slice(0, fitting),
      more: found.more || fitting < records.length,
      position: toPositionMessage(found.position),
    }),
  };
}
