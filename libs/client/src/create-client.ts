import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient as createRpcClient, type Transport } from "@connectrpc/connect";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";
import { type Clock, errorReason, type Random, type ResourceType, systemClock } from "@trellis/resource";

import type { Client, ReadOptions, ResourceName } from "./client.ts";
import { decodeAnswer, idOf } from "./convert.ts";
import { listAll } from "./list.ts";
import { Mark } from "./mark.ts";
import { createMutations } from "./mutations.ts";
import { rpcOptions } from "./rpc-options.ts";
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
  /** The deadline of calls that name none, over all their tries, in milliseconds: 30,000 when absent. */
  readonly timeoutMs?: number;
  /** What every call carries besides: credentials. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends all calls and watches of this client, those under way and those to come. */
  readonly signal?: AbortSignal;
}

const DEFAULT_ATTEMPTS = 5;
const DEFAULT_TIMEOUT_MS = 30_000;

/** Makes a client on a transport. */
export function createClient({
  transport,
  clock = systemClock,
  random = Math.random,
  attempts = DEFAULT_ATTEMPTS,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  headers = {},
  signal: closed,
}: ClientOptions): Client {
  const mark = new Mark();
  const marked = createMarkedTransport(transport, {
    mark,
    clock,
    random,
    attempts,
    timeoutMs,
    headers,
    closed,
  });
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
    list: (type, query = {}, options = {}) => listAll({ rpc: resources, clock }, type, query, options),
    watch: (type, query = {}, options = {}) =>
      watchAll({ rpc: resources, mark, clock, random, closed }, type, query, options),
    ...createMutations(resources),
  };
}
