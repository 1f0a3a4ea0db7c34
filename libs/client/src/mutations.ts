import type { DescMessage } from "@bufbuild/protobuf";
import type { Client as RpcClient } from "@connectrpc/connect";
import type { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { ResourceType } from "@trellis/resource";

import type { Client, WriteInput, WriteOptions } from "./client.ts";
import { decodeAnswer, idOf, resourceToWrite, statusOf } from "./convert.ts";
import { rpcOptions } from "./rpc-options.ts";

/** The methods that change something. */
export function createMutations(
  resources: RpcClient<typeof ResourceService>,
): Pick<Client, "write" | "writeStatus" | "delete"> {
  return {
    async write<Desc extends DescMessage>(
      type: ResourceType<Desc>,
      input: WriteInput<Desc>,
      options: WriteOptions = {},
    ) {
      const { dryRun = false, mode, preconditions = [] } = options;
      const request = {
        resource: resourceToWrite(type, input),
        dryRun,
        preconditions: [...preconditions],
        ...(mode === undefined ? {} : { mode }),
      };
      const { resource, outcome } = await resources.write(request, rpcOptions(options));
      return { resource: decodeAnswer(type, resource), outcome };
    },
    async writeStatus(type, resource, status, options = {}) {
      const version = options.compareVersion === true ? resource.version : "";
      const { key } = status;
      const { name, uid, tenancy } = resource.id;
      const id = idOf(type, { name, uid, partition: tenancy?.partition, namespace: tenancy?.namespace });
      const answer = await resources.writeStatus(
        { id, version, key, status: statusOf(status) },
        rpcOptions(options),
      );
      return decodeAnswer(type, answer.resource);
    },
    async delete(type, name, options = {}) {
      const { dryRun = false, version = "", preconditions = [] } = options;
      const request = { id: idOf(type, name), version, dryRun, preconditions: [...preconditions] };
      return (await resources.delete(request, rpcOptions(options))).outcome;
    },
  };
}
