import { create, toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Violation } from "@trellis/registry";
import { StatusSchema as RpcStatusSchema } from "@trellis/protos/google/rpc/status_pb";
import {
  type BatchWriteRequest,
  BatchWriteRequestSchema,
  type BatchWriteResponse,
  BatchWriteResponseSchema,
  type Operation,
  OperationSchema,
  type OperationResult,
  OperationResultSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import type { Call } from "./call.ts";
import { deleteResource } from "./delete.ts";
import type { Environment } from "./environment.ts";
import { toServiceError } from "./errors.ts";
import { BATCH_CONCURRENCY, BATCH_OPERATIONS, LEAST_BATCH_CONCURRENCY } from "./limits.ts";
import { armOf, preconditionViolations, resourceKey } from "./operations.ts";
import { checkRequest } from "./rules.ts";
import { violationsError } from "./service-error.ts";
import { write } from "./write.ts";
import { writeStatus } from "./write-status.ts";

/** Applies each operation by itself. What goes wrong with one is its result, and says nothing about the others. */
export async function batchWrite(
  environment: Environment,
  request: BatchWriteRequest,
  call: Call,
): Promise<BatchWriteResponse> {
  // Each operation is checked where it runs, so that a broken one is its own result; here only how many there are.
  const shape = create(BatchWriteRequestSchema, {
    operations: request.operations.map(() => create(OperationSchema)),
  });
  checkRequest(environment, BatchWriteRequestSchema, shape);
  checkOperations(request.operations);
  const results: OperationResult[] = [];
  const queue = byResource(environment, call, request.operations);
  let next = 0;
  const { batches } = environment;
  const workers: Promise<void>[] = [];
  let running = 0;
  const work = async (): Promise<void> => {
    for (; running <= concurrencyOf(batches.underWay) && next < queue.length; grow()) {
      for (const index of queue[next++] ?? []) {
        const operation = request.operations[index];
        if (operation !== undefined) results[index] = await runOne(environment, call, operation);
      }
    }
    running -= 1;
  };
  /** Others may have come or gone meanwhile. */
  const grow = (): void => {
    while (running < concurrencyOf(batches.underWay) && next < queue.length) {
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
  const version = call.shows(environment.backend.position().version);
  return create(BatchWriteResponseSchema, { results, version: String(version) });
}

/** How many operations each of so many batches runs at the same time. */
function concurrencyOf(batches: number): number {
  return Math.max(
    LEAST_BATCH_CONCURRENCY,
    Math.min(BATCH_CONCURRENCY, Math.floor(BATCH_OPERATIONS / batches)),
  );
}

/** Refuses what no batch may hold, with everything that is wrong. */
function checkOperations(operations: readonly Operation[]): void {
  const violations: Violation[] = [];
  for (const [index, { operation }] of operations.entries()) {
    const field = `operations[${index}]`;
    if (operation.case === undefined) {
      violations.push({ field, description: "is empty: expected write, write_status or delete" });
    } else if (operation.case === "check") {
      const description = "is a check: checks belong into Transact, or into an operation's preconditions";
      violations.push({ field: `${field}.check`, description });
    } else if (operation.value.dryRun) {
      violations.push({ field: `${field}.${armOf(operation)}.dry_run`, description: "must not be set" });
    }
  }
  violations.push(...preconditionViolations(operations));
  if (violations.length > 0) throw violationsError("INVALID_REQUEST", violations);
}

/** The positions of the operations by resource: those of one resource run one after the other, in the order of the request. */
function byResource(
  environment: Environment,
  call: Call,
  operations: readonly Operation[],
): readonly (readonly number[])[] {
  const queues = new Map<string, number[]>();
  for (const [index, operation] of operations.entries()) {
    const key = resourceKey(environment, call, operation) ?? `#${index}`;
    const queue = queues.get(key);
    if (queue === undefined) queues.set(key, [index]);
    else queue.push(index);
  }
  return [...queues.values()];
}

async function runOne(
  environment: Environment,
  call: Call,
  { operation }: Operation,
): Promise<OperationResult> {
  try {
    switch (operation.case) {
      case "write":
        return create(OperationResultSchema, {
          result: { case: "write", value: await write(environment, operation.value, call) },
        });
      case "writeStatus":
        return create(OperationResultSchema, {
          result: { case: "writeStatus", value: await writeStatus(environment, operation.value, call) },
        });
      case "delete":
        return create(OperationResultSchema, {
          result: { case: "delete", value: await deleteResource(environment, operation.value, call) },
        });
      default:
        throw new TypeError("an operation was not checked before it ran");
    }
  } catch (error) {
    const failure = toServiceError(error, call.signal).toConnectError(true);
    return create(OperationResultSchema, { result: { case: "error", value: rpcStatus(failure) } });
  }
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
