import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type ExchangeRequest,
  ExchangeRequestSchema,
  HelloSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { createVirtualClock } from "@trellis/testing";

import { connectStorage } from "./connect-storage.ts";
import { storageLinks } from "./open-storage-link.ts";
import { failure, type OpenWire, openWire } from "./test-support/open-wire.ts";
import { HELLO, nextTurn, TestWire, turns } from "./test-support/test-wire.ts";

const CLUSTER = "c".repeat(32);

describe("the hello of a stream", () => {
  let open: OpenWire;

  beforeEach(async () => {
    open = await openWire();
  });
  afterEach(() => open.close());

  /** How a server answers the beginnings of both kinds of streams. */
  async function refusals(
    hello: Omit<MessageInitShape<typeof HelloSchema>, "$typeName" | "$unknown"> | undefined,
  ): Promise<readonly ConnectError[]> {
    const said = hello === undefined ? undefined : create(HelloSchema, { ...HELLO, ...hello });
    async function* requests(): AsyncGenerator<ExchangeRequest> {
      yield create(ExchangeRequestSchema, { hello: said });
      await new Promise(() => undefined);
    }
    const streams = [
      open.wire.client.exchange(requests()),
      open.wire.client.watch({ hello: said, query: { group: "test", kind: "a" } }),
    ];
    const errors: ConnectError[] = [];
    for (const stream of streams)
      errors.push(ConnectError.from(await failure(stream[Symbol.asyncIterator]().next())));
    return errors;
  }

  it.each([
    [
      "another version",
      { protocolVersion: 7 },
      /node-1 speaks version 1.*a test version 7.*upgrade one version at a time/,
    ],
    [
      "another cluster",
      { clusterId: "d".repeat(32) },
      /node-1 belongs to cluster c{32}, a test wants d{32}.*begin anew/,
    ],
    ["another node", { nodeId: 4n }, /this is node 1, a test wants 4: another node has its address now/],
  ])("for %s is refused: what was expected, what was found, what to do", async (_, hello, words) => {
    for (const error of await refusals(hello)) {
      expect(error.code).toBe(Code.FailedPrecondition);
      expect(error.rawMessage).toMatch(words);
    }
  });

  it("that is missing is refused", async () => {
    for (const error of await refusals(undefined)) expect(error.code).toBe(Code.InvalidArgument);
  });

  it("of a long name is refused in few words", async () => {
    for (const error of await refusals({ protocolVersion: 2, client: "x".repeat(1_000_000) }))
      expect(error.rawMessage.length).toBeLessThan(300);
    for (const error of await refusals({ clusterId: "x".repeat(1_000_000) }))
      expect(error.rawMessage.length).toBeLessThan(300);
  });

  it("for the cluster and the node that are there is taken", async () => {
    async function* requests(): AsyncGenerator<ExchangeRequest> {
      yield create(ExchangeRequestSchema, { hello: { ...HELLO, clusterId: CLUSTER, nodeId: 1n } });
      await new Promise(() => undefined);
    }
    const answers = open.wire.client.exchange(requests())[Symbol.asyncIterator]();
    expect((await answers.next()).value).toMatchObject({ status: { name: "node-1", clusterId: CLUSTER } });
  });
});

describe("the opening of a link", () => {
  const clock = createVirtualClock();

  it("is refused as unsupported by a server that refuses its hello", async () => {
    const wire = new TestWire({ clock, endpoint: () => undefined });
    const open = storageLinks(
      {
        clock,
        nextTurn,
        connect: () => ({
          transport: {
            ...wire.transport,
            stream: (method, signal, timeoutMs, header, input, context) =>
              wire.transport.stream(method, signal, timeoutMs, header, ofVersion7(input), context),
          },
          close: () => undefined,
        }),
      },
      { client: "a test" },
    );
    expect(await failure(open("server:7511"))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("speaks version 1"),
    });
  });

  it("waits for a server that says nothing for three seconds, and tells so", async () => {
    const wire = new TestWire({ clock, endpoint: () => undefined });
    wire.isSilent = true;
    const link = failure(wire.link());
    await clock.advance(2_999);
    await expect(Promise.race([link, turns(1)])).resolves.toBeUndefined();
    await clock.advance(1);
    expect(await link).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/server:7511 did not say within 3000 ms who it is/),
    });
    expect(clock.pending()).toBe(0);
    expect(wire.listeners).toBe(0);
  });

  it("at a server of something else, a gateway say, tells what to name instead", async () => {
    const transport = createRouterTransport(() => undefined);
    const open = storageLinks(
      { clock, nextTurn, connect: () => ({ transport, close: () => undefined }) },
      { client: "a test" },
    );
    expect(await failure(open("server:7500"))).toMatchObject({
      code: "unsupported",
      message: "server:7500 serves no storage; name a storage node or a forwarder",
    });
    expect(clock.pending()).toBe(0);
  });

  it("ends with its signal", async () => {
    const wire = new TestWire({ clock, endpoint: () => undefined });
    wire.isSilent = true;
    const given = new AbortController();
    const open = storageLinks(
      { clock, nextTurn, connect: () => ({ transport: wire.transport, close: () => undefined }) },
      { client: "a test" },
    );
    const link = failure(open("server:7511", given.signal));
    given.abort();
    expect(await link).toMatchObject({ code: "unavailable" });
    expect(await failure(open("server:7511", given.signal))).toMatchObject({ code: "unavailable" });
    expect(clock.pending()).toBe(0);
  });

  it.each(["no address", "host:port", "127.0.0.1:99999", ""])(
    "to %j, which is none, is refused in the words of storage",
    async (address) => {
      const open = storageLinks({ clock, nextTurn, connect: connectStorage }, { client: "a test" });
      expect(await failure(open(address))).toMatchObject({
        name: "StorageError",
        code: "unavailable",
        message: expect.stringContaining("host:port"),
      });
      expect(clock.pending()).toBe(0);
    },
  );

  it("to a server without a store yet succeeds: it says who it is, and answers calls as unavailable", async () => {
    const wire = new TestWire({ clock, endpoint: () => undefined });
    const link = await wire.link();
    expect(link.status).toMatchObject({ role: "node", nodeId: 1, position: undefined });
    expect(() => link.position()).toThrow(/server:7511 has no store to show yet; ask another/);
    const key = { group: "test", kind: "a", partition: "", namespace: "", name: "a" };
    expect(await failure(link.read(key))).toMatchObject({ code: "unavailable" });
    const query = { group: "test", kind: "a", partition: "*", namespace: "*" };
    expect(await failure(link.watch(query).next())).toMatchObject({ code: "unavailable" });
    await link.close();
  });
});

/** The messages of a client whose hello says version 7. */
async function* ofVersion7<M>(messages: AsyncIterable<M>): AsyncGenerator<M> {
  for await (const message of messages) {
    const { hello } = message as { hello?: { protocolVersion?: number } };
    yield hello === undefined ? message : ({ ...message, hello: { ...hello, protocolVersion: 7 } } as M);
  }
}
