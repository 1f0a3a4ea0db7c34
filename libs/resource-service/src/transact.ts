import { create } from "@bufbuild/protobuf";
import {
  type Operation,
  type OperationResult,
  OperationResultSchema,
  type TransactRequest,
  TransactRequestSchema,
  type TransactResponse,
  TransactResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { MAX_COMMIT_BYTES } from "@trellis/storage";

import type { Call } from "./call.ts";
import { checkPlanner } from "./checks.ts";
import { deletePlanner } from "./delete.ts";
import type { Environment } from "./environment.ts";
import { mutate, type Plan, type Planner } from "./mutate.ts";
import { armOf, preconditionsOf, preconditionViolations, resourceKey } from "./operations.ts";
import { checkRequest } from "./rules.ts";
import { ServiceError, violationsError } from "./service-error.ts";
import type { Known } from "./when-known.ts";
import { writePlanner } from "./write.ts";
import { writeStatusPlanner } from "./write-status.ts";

/** Applies all operations as one commit, or none. Later operations see earlier ones; a failure names its operation's index. */
export async function transact(
  environment: Environment,
  request: TransactRequest,
  call: Call,
): Promise<TransactResponse> {
  checkStructure(environment, request);
  checkOperations(environment, call, request.operations);
  const planners: Planner<OperationResult>[] = [];
  for (const [index, operation] of request.operations.entries()) {
    planners.push(
      await atOperation(index, () => plannerOf(environment, call, operation, `operations[${index}].`)),
    );
  }
  return await mutate(environment, call, request.dryRun, async (view) => {
    const plans: Plan<OperationResult>[] = [];
    for (const [index, planner] of planners.entries())
      plans.push(await atOperation(index, () => planner(view)));
    checkBytes(plans);
    return {
      operations: plans.flatMap((plan, index) =>
        plan.operations.map((step) => ({
          ...step,
          refused: (current) => step.refused?.(current)?.with({ operation: String(index) }),
        })),
      ),
      answer: (version) =>
        create(TransactResponseSchema, {
          results: plans.map((plan) => plan.answer(version)),
          version: String(version ?? environment.backend.position().version),
        }),
    };
  });
}

/** The planner of one operation, answering as an operation's result. */
async function plannerOf(
  environment: Environment,
  call: Call,
  { operation }: Operation,
  path: string,
): Promise<Planner<OperationResult>> {
  switch (operation.case) {
    case "write": {
      const plan = await writePlanner(environment, call, operation.value, `${path}write.`);
      return mapPlan(plan, (value) => create(OperationResultSchema, { result: { case: "write", value } }));
    }
    case "writeStatus": {
      const plan = await writeStatusPlanner(environment, call, operation.value, `${path}write_status.`);
      return mapPlan(plan, (value) =>
        create(OperationResultSchema, { result: { case: "writeStatus", value } }),
      );
    }
    case "delete": {
      const plan = await deletePlanner(environment, call, operation.value, `${path}delete.`);
      return mapPlan(plan, (value) => create(OperationResultSchema, { result: { case: "delete", value } }));
    }
    case "check": {
      const plan = await checkPlanner(environment, call, operation.value, `${path}check`);
      return async (view) => ({
        operations: [await plan(view)],
        answer: () => create(OperationResultSchema),
      });
    }
    default:
      throw violationsError("INVALID_REQUEST", [
        { field: path.slice(0, -1), description: "is empty: expected write, write_status, delete or check" },
      ]);
  }
}

function mapPlan<From, To>(planner: Planner<From>, map: (from: From) => To): Planner<To> {
  return async (view) => {
    const plan = await planner(view);
    return { operations: plan.operations, answer: (version) => map(plan.answer(version)) };
  };
}

/** Refuses a request whose structure is wrong; where all that is wrong stands in one operation, the error names that one as others do. */
function checkStructure(environment: Environment, request: TransactRequest): void {
  try {
    checkRequest(environment, TransactRequestSchema, request);
  } catch (error) {
    if (!ServiceError.is(error)) throw error;
    const index = /^operations\[(\d+)\]/.exec(error.failure.violations?.[0]?.field ?? "")?.[1];
    throw index === undefined ? error : error.with({ operation: index });
  }
}

function checkOperations(environment: Environment, call: Call, operations: readonly Operation[]): void {
  const seen = new Map<string, number>();
  let preconditions = 0;
  for (const [index, { operation }] of operations.entries()) {
    preconditions += preconditionsOf(operation);
    if (operation.case === undefined || operation.case === "check") continue;
    const field = `operations[${index}]`;
    if (operation.value.dryRun) {
      const description = "must not be set inside: set dry_run of the whole";
      throw atIndex(index, `${field}.${armOf(operation)}.dry_run`, description);
    }
    const key = resourceKey(environment, call, operation);
    const first = key === undefined ? undefined : seen.get(key);
    if (first !== undefined) {
      const description = `changes the same resource as operations[${first}]; one operation a resource`;
      throw atIndex(index, field, description);
    }
    if (key !== undefined) seen.set(key, index);
  }
  const tooMany = preconditionViolations(preconditions);
  if (tooMany.length > 0) throw violationsError("INVALID_REQUEST", tooMany);
}

/** Refuses more bytes than one commit takes, before the store does in its own words. */
function checkBytes(plans: readonly Plan<unknown>[]): void {
  let bytes = 0;
  for (const { operations } of plans)
    for (const { operation } of operations)
      if (operation.kind === "put") bytes += operation.record.bytes.length;
  if (bytes <= MAX_COMMIT_BYTES) return;
  const description = `store ${bytes} bytes together, at most ${MAX_COMMIT_BYTES} fit into one commit; split the transaction`;
  throw violationsError("INVALID_REQUEST", [{ field: "operations", description }]);
}

function atIndex(index: number, field: string, description: string): ServiceError {
  return violationsError("INVALID_REQUEST", [{ field, description }], { operation: String(index) });
}

async function atOperation<T>(index: number, run: () => Known<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw ServiceError.is(error) ? error.with({ operation: String(index) }) : error;
  }
}
