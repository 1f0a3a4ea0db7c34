import { create, toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Violation } from "@trellis/registry";
import { StatusSchema as RpcStatusSchema } from "@trellis/protos/google/rpc/status_pb";
import {
  type BatchWriteRequest,
  BatchWriteRequestSchema,
  type BatchWriteResponse,
  type DeleteResponse,
  type Operation,
  OperationSchema,
  type OperationResult,
  OperationResultSchema,
  type WriteResponse,
  type WriteStatusResponse,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { EncodedResults, ResultMessages } from "./batch-results.ts";
import type { Call } from "./call.ts";
import { deleteResource } from "./delete.ts";
import type { Environment } from "./environment.ts";
import { toServiceError } from "./errors.ts";
import { BATCH_CONCURRENCY, BATCH_OPERATIONS, LEAST_BATCH_CONCURRENCY } from "./limits.ts";
import { armOf, preconditionsOf, preconditionViolations, resourceKey } from "./operations.ts";
import { checkRequest } from "./rules.ts";
import { violationsError } from "./service-error.ts";
import { glanceAt } from "./unread-batch.ts";
import { write } from "./write.ts";
import { writeStatus } from "./write-status.ts";

/** Applies each operation by itself. What goes wrong with one is its result, and says nothing about the others. */
export async function batchWrite(
  environment: Environment,
  request: BatchWriteRequest,
  call: Call,
): Promise<BatchWriteResponse> {
  const { operations } = request;
  checkCount(environment, operations.length);
  const { heads, following } = inTurns(environment, call, operations);
  const results = call.inBinary
    ? new EncodedResults(operations.length, environment.batches.memory)
    : new ResultMessages();
  let next = 0;
  const { batches } = environment;
  const workers: Promise<void>[] = [];
  let running = 0;
  const work = async (): Promise<void> => {
    for (; running <= concurrencyOf(batches.underWay) && next < heads.length; grow()) {
      for (let index = heads[next++]; index !== undefined; index = following.get(index)) {
        const whole = operations[index];
        if (whole === undefined) continue;
        const operation = glanceAt(whole);
        let result: OperationResult;
        try {
          // Not in a function of its own, which would be another promise for each operation.
          const value = await runOne(environment, call, operation);
          // The answer of each kind of operation is the result of the same name.
          result = resultOf({ case: operation.case, value } as OperationResult["result"]);
        } catch (error) {
          result = failureOf(error, call);
        }
        results.set(index, result);
      }
    }
    running -= 1;
  };
  /** Others may have come or gone meanwhile. */
  const grow = (): void => {
    while (running < concurrencyOf(batches.underWay) && next < heads.length) {
      running += 1;
      workers.push(work());
    }
  };
  batches.underWay += 1;
  try {
    grow();
    // While one is waited for, more may begin.
    for (const worker of workers) await worker;
  } finally {
    batches.underWay -= 1;
  }
  return results.response(String(call.shows(environment.backend.position().version)));
}

/** How many operations each of so many batches runs at the same time. */
function concurrencyOf(batches: number): number {
  return Math.max(
    LEAST_BATCH_CONCURRENCY,
    Math.min(BATCH_CONCURRENCY, Math.floor(BATCH_OPERATIONS / batches)),
  );
}

/** As the rule of `BatchWriteRequest.operations` has it, which tells of what is wrong. */
const MAX_OPERATIONS = 1_000;

/** Each operation is checked where it runs, so that a broken one is its own result; here only how many there are. */
function checkCount(environment: Environment, count: number): void {
  if (count > 0 && count <= MAX_OPERATIONS) return;
  const operations = Array.from({ length: count }, () => create(OperationSchema));
  checkRequest(environment, BatchWriteRequestSchema, create(BatchWriteRequestSchema, { operations }));
}

/** The positions of a batch's operations: those of one resource run one after the other, in the order of the request. */
interface Turns {
  /** The first of each resource. */
  readonly heads: readonly number[];
  /** By position, the next of the same resource. */
  readonly following: ReadonlyMap<number, number>;
}

/** Looks at each operation once, since a look may read it anew, and refuses what no batch may hold, with everything that is wrong. */
function inTurns(environment: Environment, call: Call, operations: readonly Operation[]): Turns {
  const violations: Violation[] = [];
  const heads: number[] = [];
  const following = new Map<number, number>();
  const lasts = new Map<string, number>();
  let preconditions = 0;
  for (const [index, whole] of operations.entries()) {
    const operation = glanceAt(whole);
    const fault = faultOf(operation, index);
    if (fault !== undefined) violations.push(fault);
    preconditions += preconditionsOf(operation);
    const key = resourceKey(environment, call, operation);
    const last = key === undefined ? undefined : lasts.get(key);
    if (last === undefined) heads.push(index);
    else following.set(last, index);
    if (key !== undefined) lasts.set(key, index);
  }
  violations.push(...preconditionViolations(preconditions));
  if (violations.length > 0) throw violationsError("INVALID_REQUEST", violations);
  return { heads, following };
}

function faultOf(operation: Operation["operation"], index: number): Violation | undefined {
  if (operation.case === undefined)
    return { field: `operations[${index}]`, description: "is empty: expected write, write_status or delete" };
  if (operation.case === "check") {
    const description = "is a check: checks belong into Transact, or into an operation's preconditions";
    return { field: `operations[${index}].check`, description };
  }
  return operation.value.dryRun
    ? { field: `operations[${index}].${armOf(operation)}.dry_run`, description: "must not be set" }
    : undefined;
}

/** Carries out one operation. What it throws, at once or later, is that operation's result. */
function runOne(
  environment: Environment,
  call: Call,
  operation: Operation["operation"],
): Promise<WriteResponse | WriteStatusResponse | DeleteResponse> {
  switch (operation.case) {
    case "write":
      return write(environment, operation.value, call);
    case "writeStatus":
      return writeStatus(environment, operation.value, call);
    case "delete":
      return deleteResource(environment, operation.value, call);
    default:
      throw new TypeError("an operation was not checked before it ran");
  }
}

function failureOf(error: unknown, call: Call): OperationResult {
  const failure = toServiceError(error, call.signal).toConnectError(true);
  return resultOf({ case: "error", value: rpcStatus(failure) });
}

/** As `create` makes it, at a fraction of the cost. */
function resultOf(result: OperationResult["result"]): OperationResult {
  return { $typeName: OperationResultSchema.typeName, result };
}

function rpcStatus(error: ConnectError) {
  const details = error.details.flatMap((detail) =>
    "desc" in detail
      ? [
          {
            typeUrl: `type.googleapis.com/${detail.desc.typeName}`,
            value: toBinary(detail.desc, create(detail.desc, detail.value)),
          },
        ]
      : [{ typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value }],
  );
  return create(RpcStatusSchema, { code: error.code, message: error.rawMessage, details });
}
