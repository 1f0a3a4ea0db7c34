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
import { keyString } from "@trellis/storage";

import type { Call } from "./call.ts";
import { planCheck } from "./checks.ts";
import { deletePlanner } from "./delete.ts";
import type { Environment } from "./environment.ts";
import { MAX_PRECONDITIONS } from "./limits.ts";
import { mutate, type Plan, type Planner } from "./mutate.ts";
import { checkRequest } from "./rules.ts";
import { ServiceError, violationsError } from "./service-error.ts";
import { targetOf } from "./target.ts";
import { writePlanner } from "./write.ts";
import { writeStatusPlanner } from "./write-status.ts";

/** Applies all operations as one commit, or none. Later operations see earlier ones; a failure names its operation's index. */
export async function transact(
  environment: Environment,
  request: TransactRequest,
  call: Call,
): Promise<TransactResponse> {
  checkRequest(environment, TransactRequestSchema, request);
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
      const step = await planCheck(environment, call, operation.value, `${path}check`);
      return async () => ({ operations: [step], answer: () => create(OperationResultSchema) });
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

function checkOperations(environment: Environment, call: Call, operations: readonly Operation[]): void {
  const seen = new Map<string, number>();
  let preconditions = 0;
  for (const [index, { operation }] of operations.entries()) {
    const field = `operations[${index}]`;
    if (operation.case === undefined) continue;
    if (operation.case === "check") {
      preconditions += 1;
      continue;
    }
    preconditions += operation.value.preconditions.length;
    if (operation.value.dryRun) {
      throw violationsError("INVALID_REQUEST", [
        { field: `${field}.dry_run`, description: "must not be set inside: set dry_run of the whole" },
      ]);
    }
    const id = operation.case === "write" ? operation.value.resource?.id : operation.value.id;
    if (id === undefined) continue;
    const key = keyString(targetOf(environment, call, id, field).key);
    const first = seen.get(key);
    if (first !== undefined) {
      throw violationsError("INVALID_REQUEST", [
        { field, description: `changes the same resource as operations[${first}]; one operation a resource` },
      ]);
    }
    seen.set(key, index);
  }
  if (preconditions > MAX_PRECONDITIONS) {
    throw violationsError("INVALID_REQUEST", [
      {
        field: "operations",
        description: `have ${preconditions} preconditions together, at most ${MAX_PRECONDITIONS} are allowed`,
      },
    ]);
  }
}

async function atOperation<T>(index: number, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw ServiceError.is(error) ? error.with({ operation: String(index) }) : error;
  }
}
