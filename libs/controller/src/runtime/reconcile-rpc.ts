import type { Client } from "@trellis/client";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  DeleteResponse_Outcome,
  type OperationResult,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { VERSION_HEADER } from "@trellis/resource";

import type { OwnWrite } from "./own-writes.ts";

/** What the client of a reconcile does beside its calls. */
export interface ReconcileClientOptions {
  /** Told of each write, so that the next run of the same name waits until the cache shows it. */
  readonly note: (write: OwnWrite) => void;
  /** Ends all calls: a run that outlived its controller writes nothing more. */
  readonly cutOff: AbortSignal;
}

type Rpc = Pick<Client, "resources" | "types">;

/** The methods as the protocol has them, for one run of a reconcile: what is written through them counts as its own too. */
export function createReconcileRpc(client: Rpc, { note, cutOff }: ReconcileClientOptions): Rpc {
  const resources = bindAll(client.resources, cutOff);
  const noteWrite = (resource: Resource | undefined): void => {
    const write = writeOf(resource);
    if (write !== undefined) note(write);
  };
  const noteResults = (results: readonly OperationResult[]): void => {
    for (const { result } of results)
      if (result.case === "write" || result.case === "writeStatus") noteWrite(result.value.resource);
  };
  return {
    types: bindAll(client.types, cutOff),
    resources: {
      ...resources,
      async write(request, options) {
        const answer = await resources.write(request, options);
        if (request.dryRun !== true) noteWrite(answer.resource);
        return answer;
      },
      async writeStatus(request, options) {
        const answer = await resources.writeStatus(request, options);
        if (request.dryRun !== true) noteWrite(answer.resource);
        return answer;
      },
      async delete(request, options) {
        let version: string | null = null;
        const answer = await resources.delete(request, {
          ...options,
          onHeader(headers) {
            version = headers.get(VERSION_HEADER);
            options?.onHeader?.(headers);
          },
        });
        const type = request.id?.type;
        const deleted = answer.outcome === DeleteResponse_Outcome.DELETED && request.dryRun !== true;
        if (deleted && version !== null && type !== undefined)
          note({ type: `${type.group}.${type.groupVersion}.${type.kind}`, version });
        return answer;
      },
      async transact(request, options) {
        const answer = await resources.transact(request, options);
        if (request.dryRun !== true) noteResults(answer.results);
        return answer;
      },
      async batchWrite(request, options) {
        const answer = await resources.batchWrite(request, options);
        noteResults(answer.results);
        return answer;
      },
    },
  };
}

/** The same methods, whose calls end with a signal. */
function bindAll<Methods extends object>(methods: Methods, cutOff: AbortSignal): Methods {
  const bound = Object.entries(methods).map(([name, method]) => [
    name,
    (request: unknown, options?: { readonly signal?: AbortSignal }) =>
      (method as (request: unknown, options: object) => unknown)(request, {
        ...options,
        signal: boundSignal(options?.signal, cutOff),
      }),
  ]);
  return Object.fromEntries(bound) as Methods;
}

/** A signal that ends with either. */
export function boundSignal(given: AbortSignal | undefined, cutOff: AbortSignal): AbortSignal {
  return given === undefined ? cutOff : AbortSignal.any([given, cutOff]);
}

function writeOf(resource: Resource | undefined): OwnWrite | undefined {
  const type = resource?.id?.type;
  return resource === undefined || type === undefined
    ? undefined
    : { type: `${type.group}.${type.groupVersion}.${type.kind}`, version: resource.version };
}
