import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient as createRpcClient, type Transport } from "@connectrpc/connect";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";
import {
  type Clock,
  CONSISTENCY_HEADER,
  errorReason,
  type Random,
  type ResourceType,
  systemClock,
} from "@trellis/resource";

import type {
  CallOptions,
  Client,
  ReadOptions,
  ResourceName,
  StatusInput,
  WriteInput,
  WriteOptions,
} from "./client.ts";
import { decodeAnswer, idOf, resourceToWrite } from "./convert.ts";
import { listAll } from "./list.ts";
import { Mark } from "./mark.ts";
import { createMarkedTransport } from "./transport.ts";
import { watchAll } from "./watch.ts";

/** What a client is made of. */
export interface ClientOptions {
  /** How it reaches a server; `connectClient` of `@trellis/client/node` makes one from a URL. */
  readonly transport: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
  /** How often a call is tried where that is harmless, the first time included: 5 when absent. */
  readonly attempts?: number;
}

const DEFAULT_ATTEMPTS = 5;

/** Makes a client on a transport. */
export function createClient({
  transport,
  clock = systemClock,
  random = Math.random,
  attempts = DEFAULT_ATTEMPTS,
}: ClientOptions): Client {
  const mark = new Mark();
  const marked = createMarkedTransport(transport, { mark, clock, random, attempts });
  const resources = createRpcClient(ResourceService, marked);
  const types = createRpcClient(TypeService, marked);

  async function read<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    name: ResourceName,
    options: ReadOptions = {},
  ) {
    const { resource } = await resources.read({ id: idOf(type, name) }, rpcOptions(options));
    return decodeAnswer(type, resource);
  }

  return {
    resources,
    types,
    read,
    async find(type, name, options) {
      try {
        return await read(type, name, options);
      } catch (error) {
        const absent =
          ConnectError.from(error).code === Code.NotFound && errorReason(error) === "RESOURCE_NOT_FOUND";
        if (absent) return undefined;
        throw error;
      }
    },
    list: (type, query = {}, options = {}) => listAll(resources, type, query, options),
    watch: (type, query = {}, options = {}) =>
      watchAll({ rpc: resources, mark, clock, random }, type, query, options),
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
        { id, version, key, status: statusMessage(status) },
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

function statusMessage({ observedGeneration, conditions }: StatusInput) {
  return {
    observedGeneration,
    conditions: conditions.map(({ type, state, reason = "", message = "", resource }) => ({
      type,
      state,
      reason,
      message,
      ...(resource === undefined ? {} : { resource: referenceOf(resource) }),
    })),
  };
}

function referenceOf({ type, tenancy, name }: NonNullable<StatusInput["conditions"][number]["resource"]>) {
  return { name, ...(type === undefined ? {} : { type }), ...(tenancy === undefined ? {} : { tenancy }) };
}

function rpcOptions(options: ReadOptions | CallOptions) {
  const consistency = "consistency" in options ? options.consistency : undefined;
  return {
    headers: consistency === undefined ? {} : { [CONSISTENCY_HEADER]: consistency },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  };
}
