import { create } from "@bufbuild/protobuf";
import { type Client, createClient, createRouterTransport, type Transport } from "@connectrpc/connect";
import {
  type EncodedExchangeRequest,
  EncodedExchangeResponseSchema,
  type ExchangeRequest,
  type ExchangeResponse,
  StorageService,
  type WatchResponse,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import type { Clock } from "@trellis/resource";

import { EncodedStorageService } from "../encoded-service.ts";
import { storageLinks } from "../open-storage-link.ts";
import { PROTOCOL_VERSION } from "../protocol.ts";
import type { ServerStatus, StatusSource } from "../server-status.ts";
import type { StorageLink } from "../storage-link.ts";
import { type StorageEndpoint, type StorageRoutesConfig, storageRoutes } from "../storage-routes.ts";
import { decodedRequest, decodedResponse } from "./encoded.ts";

/** A message, and the turn of the event loop in which it came by. */
export interface Seen<M> {
  readonly message: M;
  readonly turn: number;
}

/** How streams of a client begin. */
export const HELLO = { protocolVersion: PROTOCOL_VERSION, client: "a test" };

/** The turn of the event loop. */
export const nextTurn = (callback: () => void): void => void setImmediate(callback);

/** What a test's server is made of. */
export interface TestWireOptions {
  readonly clock: Clock;
  readonly endpoint: () => StorageEndpoint | undefined;
  readonly config?: StorageRoutesConfig;
  readonly status?: Partial<ServerStatus>;
}

/** A server of the storage service and its clients in one process, on Connect's transport in memory: it sees each message, and may cut. */
export class TestWire implements StatusSource {
  readonly asked: Seen<ExchangeRequest>[] = [];
  readonly answered: Seen<ExchangeResponse>[] = [];
  readonly watched: Seen<WatchResponse>[] = [];
  /** While it is set, nothing that the server says gets through. */
  isSilent = false;
  readonly transport: Transport;
  readonly #listeners = new Set<() => void>();
  readonly #options: TestWireOptions;
  #said: Partial<ServerStatus>;
  #cut = new AbortController();
  #turn = 0;
  #isTurnCounted = false;

  constructor(options: TestWireOptions) {
    this.#options = options;
    this.#said = options.status ?? {};
    const routes = this.routes();
    const transport = createRouterTransport((router) => void router.service(EncodedStorageService, routes));
    this.transport = {
      unary: transport.unary.bind(transport),
      stream: (method, signal, timeoutMs, header, input, context) =>
        transport.stream(
          method,
          signal === undefined ? this.#cut.signal : AbortSignal.any([signal, this.#cut.signal]),
          timeoutMs,
          header,
          input,
          context,
        ),
    };
  }

  /** The service, with what comes by written down. */
  routes() {
    const { clock, endpoint, config } = this.#options;
    const { exchange, watch } = storageRoutes(
      { clock, nextTurn, endpoint, status: this },
      config,
    ) as Required<ReturnType<typeof storageRoutes>>;
    return {
      exchange: (requests: AsyncIterable<EncodedExchangeRequest>, context: Parameters<typeof exchange>[1]) =>
        this.#see(exchange(this.#note(requests), context), (answer) =>
          this.#write(this.answered, decodedResponse(create(EncodedExchangeResponseSchema, answer))),
        ),
      watch: (request: Parameters<typeof watch>[0], context: Parameters<typeof watch>[1]) =>
        this.#see(watch(request, context), (answer) => this.#write(this.watched, answer)),
    };
  }

  /** A client that sends what a test makes up. */
  get client(): Client<typeof StorageService> {
    return createClient(StorageService, this.transport);
  }

  /** A link to the server. */
  async link(clock: Clock = this.#options.clock, helloMs?: number): Promise<StorageLink> {
    const open = storageLinks(
      { clock, nextTurn, connect: () => ({ transport: this.transport, close: () => undefined }) },
      { client: "a test", helloMs },
    );
    return await open("server:7511");
  }

  /** Forgets what came by. */
  forget(): void {
    this.asked.length = 0;
    this.answered.length = 0;
    this.watched.length = 0;
  }

  /** Cuts what is open; what is opened later is not concerned. */
  cut(): void {
    this.#cut.abort(new Error("the cable was cut"));
    this.#cut = new AbortController();
  }

  /** Tells clients of another status. */
  say(status: Partial<ServerStatus>): void {
    this.#said = { ...this.#said, ...status };
    for (const listener of this.#listeners) listener();
  }

  status(): ServerStatus {
    return {
      role: "node",
      clusterId: "c".repeat(32),
      nodeId: 1,
      name: "node-1",
      position: this.#options.endpoint()?.position(),
      term: 1,
      leaderId: 1,
      takesCommits: true,
      leaderlessMs: 0,
      isStopping: false,
      members: [],
      ...this.#said,
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Streams that listen for changes of the status. */
  get listeners(): number {
    return this.#listeners.size;
  }

  async *#note(messages: AsyncIterable<EncodedExchangeRequest>): AsyncGenerator<EncodedExchangeRequest> {
    for await (const message of messages) {
      try {
        this.#write(this.asked, decodedRequest(message));
      } catch {
        // Of calls that are none there is nothing to write down: what the server makes of them is looked at.
      }
      yield message;
    }
  }

  async *#see<M>(messages: AsyncIterable<M>, write: (message: M) => void): AsyncGenerator<M> {
    for await (const message of messages) {
      write(message);
      if (!this.isSilent) yield message;
    }
  }

  #write<M>(into: Seen<M>[], message: M): void {
    into.push({ message, turn: this.#turnNow() });
  }

  /** Messages with the same number came by before the event loop turned. */
  #turnNow(): number {
    if (!this.#isTurnCounted) {
      this.#isTurnCounted = true;
      nextTurn(() => {
        this.#turn++;
        this.#isTurnCounted = false;
      });
    }
    return this.#turn;
  }
}

/** Lets the event loop turn so often. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => nextTurn(resolve));
}

/** Turns after which what does not wait for time is through. */
const ENOUGH_TURNS = 20_000;

/** Lets the event loop turn until something holds. Throws when it does not. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < ENOUGH_TURNS; turn++) {
    if (holds()) return;
    await turns(1);
  }
  throw new Error(`expected it to hold within ${ENOUGH_TURNS} turns: ${String(holds)}`);
}
