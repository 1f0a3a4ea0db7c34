import { create } from "@bufbuild/protobuf";
import { type CallOptions, type Client as RpcClient, ConnectError } from "@connectrpc/connect";
import {
  BatchWriteRequestSchema,
  type BatchWriteResponse,
  BatchWriteResponseSchema,
  type Check,
  DeleteRequestSchema,
  type Operation,
  type OperationResult,
  OperationResultSchema,
  type ResourceService,
  TransactRequestSchema,
  WriteRequestSchema,
  WriteStatusRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import type { Client } from "./client.ts";
import { createMutations } from "./mutations.ts";

type Resources = RpcClient<typeof ResourceService>;

/** The most preconditions that a server takes in one request, those of all its operations together. */
const MAX_PRECONDITIONS = 256;

/**
 * A client whose every mutation carries preconditions beside its own: fences, say. `preconditions` is asked anew for each call, just before it is sent; what it
 * throws fails the call, of which nothing was sent then. Reads and watches are those of `client`. A BatchWrite with more preconditions than one request
 * takes is sent as several, one after the other.
 */
export function withPreconditions(client: Client, preconditions: () => readonly Check[]): Client {
  const resources = guarded(client.resources, preconditions);
  return { ...client, resources, ...createMutations(resources) };
}

function guarded(resources: Resources, preconditions: () => readonly Check[]): Resources {
  const joined = <R extends { readonly preconditions: Check[] }>(request: R): R => ({
    ...request,
    preconditions: [...preconditions(), ...request.preconditions],
  });
  return {
    ...resources,
    // Async, so that what the preconditions throw rejects.
    write: async (request, options) =>
      await resources.write(joined(create(WriteRequestSchema, request)), options),
    writeStatus: async (request, options) =>
      await resources.writeStatus(joined(create(WriteStatusRequestSchema, request)), options),
    delete: async (request, options) =>
      await resources.delete(joined(create(DeleteRequestSchema, request)), options),
    async transact(request, options) {
      const message = create(TransactRequestSchema, request);
      // All or nothing: one mutation that carries them is enough. Checks of their own would shift the positions that errors and results name.
      const first = message.operations.findIndex(({ operation }) => isMutation(operation));
      const operations = message.operations.map((one, at) => (at === first ? withJoined(one, joined) : one));
      return await resources.transact({ ...message, operations }, options);
    },
    async batchWrite(request, options) {
      const { operations } = create(BatchWriteRequestSchema, request);
      return await sendInTurn(
        resources,
        operations.map((one) => withJoined(one, joined)),
        options,
      );
    },
  };
}

function isMutation({ case: arm }: Operation["operation"]): boolean {
  return arm !== undefined && arm !== "check";
}

function withJoined(
  one: Operation,
  joined: <R extends { readonly preconditions: Check[] }>(request: R) => R,
): Operation {
  const { operation } = one;
  switch (operation.case) {
    case "write":
      return { ...one, operation: { case: "write", value: joined(operation.value) } };
    case "writeStatus":
      return { ...one, operation: { case: "writeStatus", value: joined(operation.value) } };
    case "delete":
      return { ...one, operation: { case: "delete", value: joined(operation.value) } };
    default:
      return one;
  }
}

/** Sends independent operations in as few requests as the limit allows. Once some were sent, the failure of a request is told as the result of all that are left. */
async function sendInTurn(
  resources: Resources,
  operations: readonly Operation[],
  options: CallOptions | undefined,
): Promise<BatchWriteResponse> {
  const results: OperationResult[] = [];
  let version = "";
  for (const part of inParts(operations)) {
    try {
      const answer = await resources.batchWrite({ operations: part }, options);
      results.push(...answer.results);
      ({ version } = answer);
    } catch (error) {
      if (results.length === 0) throw error;
      const left = operations.slice(results.length).map(() => resultOf(error));
      return create(BatchWriteResponseSchema, { results: [...results, ...left], version });
    }
  }
  return create(BatchWriteResponseSchema, { results, version });
}

function inParts(operations: readonly Operation[]): readonly Operation[][] {
  let part: Operation[] = [];
  const parts = [part];
  let count = 0;
  for (const one of operations) {
    const own = preconditionsOf(one);
    if (count + own > MAX_PRECONDITIONS && part.length > 0) {
      part = [];
      parts.push(part);
      count = 0;
    }
    count += own;
    part.push(one);
  }
  return parts;
}

function preconditionsOf({ operation }: Operation): number {
  if (operation.case === undefined) return 0;
  return operation.case === "check" ? 1 : operation.value.preconditions.length;
}

/** A failed request as the result of one of its operations. */
function resultOf(error: unknown): OperationResult {
  const { code, rawMessage, details } = ConnectError.from(error);
  const carried = details.flatMap((detail) =>
    "type" in detail ? [{ typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value }] : [],
  );
  return create(OperationResultSchema, {
    result: { case: "error", value: { code, message: rawMessage, details: carried } },
  });
}
