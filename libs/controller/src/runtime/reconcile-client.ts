import { type Client, statusOf } from "@trellis/client";
import { DeleteResponse_Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { statusEquals } from "@trellis/resource";

import { boundSignal, createReconcileRpc, type ReconcileClientOptions } from "./reconcile-rpc.ts";

/** A client for one run of a reconcile. It sends no status that the resource has already: each write wakes everyone who watches. */
export function createReconcileClient(client: Client, options: ReconcileClientOptions): Client {
  const { note, cutOff } = options;
  const bound = <O extends { readonly signal?: AbortSignal | undefined }>(given: O | undefined) =>
    ({ ...given, signal: boundSignal(given?.signal, cutOff) }) as O & { readonly signal: AbortSignal };
  return {
    ...createReconcileRpc(client, options),
    read: (type, name, given) => client.read(type, name, bound(given)),
    find: (type, name, given) => client.find(type, name, bound(given)),
    list: (type, query, given) => client.list(type, query, bound(given)),
    watch: (type, query, given) => client.watch(type, query, bound(given)),
    async write(type, input, given) {
      const result = await client.write(type, input, bound(given));
      if (given?.dryRun !== true) note({ type: type.gvk, version: result.resource.version });
      return result;
    },
    async writeStatus(type, resource, status, given) {
      const same = statusEquals(resource.status[status.key], statusOf(status), { updatedAt: false });
      if (same && given?.compareVersion !== true) return resource;
      const written = await client.writeStatus(type, resource, status, bound(given));
      note({ type: type.gvk, version: written.version });
      return written;
    },
    async delete(type, name, given) {
      let version: string | undefined;
      const outcome = await client.delete(type, name, {
        ...bound(given),
        onPosition(position) {
          ({ version } = position);
          given?.onPosition?.(position);
        },
      });
      const changed = outcome === DeleteResponse_Outcome.DELETED || outcome === DeleteResponse_Outcome.MARKED;
      if (changed && version !== undefined && given?.dryRun !== true) {
        const marked = outcome === DeleteResponse_Outcome.MARKED ? name : undefined;
        note({ type: type.gvk, version, marked });
      }
      return outcome;
    },
  };
}
