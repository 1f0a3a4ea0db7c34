import { type ClientHttp2Session, connect } from "node:http2";

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type CallSchema,
  type ExchangeRequest,
  ExchangeRequestSchema,
  WatchRequestSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { createVirtualClock } from "@trellis/testing";
import fc from "fast-check";

import { ALL } from "../conformance/fixtures.ts";
import { toListMessage, toTypeQueryMessage } from "./call-codec.ts";
import { connectStorage } from "./connect-storage.ts";
import { storageLinks } from "./open-storage-link.ts";
import { toOperationMessage } from "./operation-codec.ts";
import { MAX_MESSAGE_BYTES } from "./protocol.ts";
import * as drawn from "./test-support/arbitraries.ts";
import { type Http2Server, serveHttp2 } from "./test-support/http2-server.ts";
import { put } from "./test-support/open-wire.ts";
import { TestEndpoint } from "./test-support/test-endpoint.ts";
import { HELLO, nextTurn, TestWire, turns, until } from "./test-support/test-wire.ts";

type CallInit = NonNullable<MessageInitShape<typeof CallSchema>["call"]>;

const RUNS = 60;
/** Faults that nobody caught: they would end a server. */
const uncaught: unknown[] = [];
const note = (reason: unknown): void => void uncaught.push(reason);

beforeAll(() => {
  process.on("unhandledRejection", note);
});
afterAll(() => {
  process.off("unhandledRejection", note);
});

const operations = fc.array(drawn.operation, { maxLength: 2 }).map((some) => some.map(toOperationMessage));
/** Parts of a call, or nothing in their place. */
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined, freq: 3 });
const wild = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const minimum = maybe(fc.record({ storeId: drawn.text, version: wild }));

/** A call that may lack what it needs, which the types of messages do not have it. */
const callOf = (content: unknown): CallInit => content as CallInit;

const call: fc.Arbitrary<CallInit> = fc.oneof(
  fc
    .record({
      operations,
      session: maybe(
        fc.record({
          session: maybe(fc.record({ id: drawn.text, openedAt: wild })),
          sequence: wild,
          lowestUnanswered: wild,
        }),
      ),
    })
    .map((value) => callOf({ case: "commit", value })),
  operations.map((some) => callOf({ case: "evaluate", value: { operations: some } })),
  fc
    .constantFrom(
      {},
      { key: {} },
      { key: { group: "*", partition: "*", name: "\0" }, action: { case: "put", value: {} } },
      { key: {}, preconditions: [{}], action: { case: "check", value: {} } },
    )
    .map((operation) => callOf({ case: "commit", value: { operations: [operation] } })),
  fc.record({ key: maybe(drawn.key), strong: fc.boolean() }).map((value) => callOf({ case: "read", value })),
  fc.tuple(drawn.query, drawn.listOptions, minimum, maybe(wild)).map(([query, options, at, atVersion]) => {
    // A version that never comes is waited for.
    const bound = at !== undefined && at.version > 2n ** 53n ? at : undefined;
    const list = toListMessage(query, { ...options, minimum: undefined, atVersion: undefined });
    return callOf({ case: "list", value: { ...list, minimum: bound, atVersion } });
  }),
  drawn.text.map((id) => callOf({ case: "openSession", value: { id } })),
  fc.constantFrom("list", "keepAlive").map((kind) => callOf({ case: kind, value: {} })),
  fc.constant(callOf({ case: undefined })),
);

describe("calls of any content", () => {
  it("are answered each, in whatever words, or end their stream; a second client is served", async () => {
    const clock = createVirtualClock();
    const endpoint = new TestEndpoint(clock);
    const wire = new TestWire({ clock, endpoint: () => endpoint });
    const link = await wire.link();
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 6 }), async (contents) => {
        const open = new Set(contents.map((_, index) => BigInt(index + 1)));
        const done = Promise.withResolvers<void>();
        async function* requests(): AsyncGenerator<ExchangeRequest> {
          yield create(ExchangeRequestSchema, {
            hello: HELLO,
            calls: contents.map((content, index) => ({ id: BigInt(index + 1), call: content })),
          });
          await done.promise;
        }
        for await (const { answers } of wire.client.exchange(requests())) {
          for (const { id, answer } of answers) {
            expect(answer.case).toBeDefined();
            expect(open.delete(id)).toBe(true);
          }
          if (open.size === 0) break;
        }
        done.resolve();
        expect((await link.commit([put("second")])).outcome).toBe("applied");
      }),
      { numRuns: RUNS },
    );
    await link.close();
    await turns(5);
    expect(uncaught).toEqual([]);
  });
});

describe("bytes of any kind", () => {
  let wire: TestWire;
  let endpoint: TestEndpoint;
  let server: Http2Server;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    const clock = createVirtualClock();
    endpoint = new TestEndpoint(clock);
    wire = new TestWire({ clock, endpoint: () => endpoint });
    server = await serveHttp2(wire);
    session = connect(`http://${server.address}`);
    session.on("error", () => undefined);
  });
  afterEach(async () => {
    session.destroy();
    await server.stop();
  });

  /** Sends bytes as the messages of a stream, and its end; resolves once the server has ended it too. */
  async function send(method: string, frames: readonly Uint8Array[]): Promise<string> {
    const stream = session.request({
      ":method": "POST",
      ":path": `/trellis.storage.v1.StorageService/${method}`,
      "content-type": "application/grpc+proto",
      te: "trailers",
    });
    let status = "none";
    const read = ({ "grpc-status": found }: { readonly "grpc-status"?: unknown }): void => {
      if (typeof found === "string") status = found;
    };
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("error", () => undefined);
    stream.resume();
    const ended = new Promise((resolve) => stream.on("close", resolve));
    for (const frame of frames) stream.write(frame);
    stream.end();
    await ended;
    return status;
  }

  async function expectService(): Promise<void> {
    const open = storageLinks(
      { clock: createVirtualClock(), nextTurn, connect: connectStorage },
      { client: "b" },
    );
    const link = await open(server.address);
    expect((await link.commit([put("second")])).outcome).toBe("applied");
    await link.close();
    await until(() => wire.listeners === 0 && endpoint.memory.figures().watches === 0);
    expect(uncaught).toEqual([]);
  }

  const valid = {
    Exchange: toBinary(
      ExchangeRequestSchema,
      create(ExchangeRequestSchema, {
        hello: HELLO,
        calls: [
          { id: 1n, call: { case: "commit", value: { operations: [toOperationMessage(put("a"))] } } },
          { id: 2n, call: { case: "list", value: toListMessage(ALL, { limit: 3 }) } },
        ],
      }),
    ),
    Watch: toBinary(
      WatchRequestSchema,
      create(WatchRequestSchema, { hello: HELLO, query: toTypeQueryMessage(ALL) }),
    ),
  };

  /** A message with some bytes put in the place of others. */
  const mutated = (message: Uint8Array) =>
    fc
      .array(fc.tuple(fc.nat(message.length), fc.nat(3), fc.uint8Array({ minLength: 1, maxLength: 4 })), {
        minLength: 1,
        maxLength: 4,
      })
      .map((changes) =>
        changes.reduce(
          (bytes, [at, removed, added]) =>
            Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + removed)]),
          message,
        ),
      );

  it.each(["Exchange", "Watch"] as const)(
    "in messages of %s end their stream, and it alone",
    async (method) => {
      const message = fc.oneof(mutated(valid[method]), fc.uint8Array({ maxLength: 60 }));
      await fc.assert(
        fc.asyncProperty(
          fc.array(message, { minLength: 1, maxLength: 3 }),
          fc.boolean(),
          async (some, isLate) => {
            const frames = some.map((bytes) => framed(bytes));
            // A watch that is opened goes on until its client leaves.
            if (method === "Watch") frames.push(framed(valid.Watch));
            const beginning = isLate && method === "Exchange" ? [framed(valid.Exchange)] : [];
            await send(method, [...beginning, ...frames]);
          },
        ),
        { numRuns: RUNS },
      );
      await expectService();
    },
  );

  it("in the place of frames end their stream", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), async (bytes) => {
        await send("Exchange", [framed(valid.Exchange), bytes]);
      }),
      { numRuns: RUNS },
    );
    await expectService();
  });

  it("beyond the bytes of a message are refused by what they announce, before they come", async () => {
    const announced = new Uint8Array(5);
    new DataView(announced.buffer).setUint32(1, MAX_MESSAGE_BYTES + 1);
    const RESOURCE_EXHAUSTED = "8";
    expect(await send("Exchange", [framed(valid.Exchange), announced])).toBe(RESOURCE_EXHAUSTED);
    await expectService();
  });

  it("of a call that is there twice end their stream", async () => {
    const twice = toBinary(
      ExchangeRequestSchema,
      create(ExchangeRequestSchema, {
        hello: HELLO,
        calls: [1n, 1n].map((id) => ({ id, call: { case: "evaluate" as const, value: {} } })),
      }),
    );
    const INVALID_ARGUMENT = "3";
    expect(await send("Exchange", [framed(twice)])).toBe(INVALID_ARGUMENT);
    await expectService();
  });
});

/** A message in a frame of gRPC. */
function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(5 + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, 5);
  return frame;
}
