import type { Client } from "@trellis/client";
import type { ResourceType, TypedResource } from "@trellis/resource";

import { requestOf } from "../mappers.ts";
import { keyOf } from "./request-key.ts";

/** One write of a reconcile: which resource, and the version that it has since; undefined when it was deleted or marked. */
export interface OwnWrite {
  readonly type: ResourceType;
  readonly key: string;
  readonly version: string | undefined;
}

/** A client that notes what is written through it, so that the next run of the same name waits until the cache shows it. */
export function createRecordingClient(client: Client, note: (write: OwnWrite) => void): Client {
  const noteResource = (type: ResourceType, { id, version }: TypedResource<never>): void =>
    note({ type, key: keyOf(requestOf(id)), version });
  return {
    ...client,
    async write(type, input, options) {
      const result = await client.write(type, input, options);
      if (options?.dryRun !== true) noteResource(type as never, result.resource as never);
      return result;
    },
    async writeStatus(type, resource, status, options) {
      const written = await client.writeStatus(type, resource, status, options);
      noteResource(type as never, written as never);
      return written;
    },
    async delete(type, name, options) {
      const outcome = await client.delete(type, name, options);
      const { partition = "", namespace = "" } = name;
      if (options?.dryRun !== true)
        note({
          type: type as never,
          key: keyOf({ partition, namespace, name: name.name }),
          version: undefined,
        });
      return outcome;
    },
  };
}
