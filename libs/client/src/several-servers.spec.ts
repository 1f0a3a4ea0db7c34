import { Code, ConnectError, createClient, createRouterTransport, type Transport } from "@connectrpc/connect";
import { describe, expect, it, jest } from "@jest/globals";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { apiError } from "@trellis/resource";

import { anyOf } from "./several-servers.ts";

/** A server that counts what it is asked, and fails as it is told. */
class Server {
  asked = 0;
  watched = 0;
  fails: (() => ConnectError) | undefined;
  readonly transport: Transport;

  constructor() {
    const answers = createRouterTransport((router) => {
      router.service(ResourceService, {
        read: () => ({}),
        write: () => ({}),
        async *watchList(_, { signal }) {
          for (;;) {
            signal.throwIfAborted();
            yield {};
          }
        },
      });
    });
    this.transport = {
      stream: async (...call) => {
        this.watched++;
        return await answers.stream(...call);
      },
      unary: async (...call) => {
        this.asked++;
        if (this.fails !== undefined) throw this.fails();
        return await answers.unary(...call);
      },
    };
  }
}

const refused = (): ConnectError =>
  new ConnectError("connect ECONNREFUSED", Code.Unavailable, undefined, undefined, { code: "ECONNREFUSED" });
/** RFC 9113 §8.7: nothing was done with it. */
const unprocessed = (): ConnectError =>
  new ConnectError("it was closed", Code.Internal, undefined, undefined, {
    code: "ERR_HTTP2_STREAM_ERROR",
    message: "Stream closed with error code NGHTTP2_REFUSED_STREAM",
  });
const broken = (): ConnectError => new ConnectError("the stream was cut", Code.Aborted);
/** What all servers of a cluster say while it has no leader. */
const quorumLost = (): ConnectError =>
  apiError({
    code: Code.Unavailable,
    reason: "UNAVAILABLE",
    message: "no leader",
    metadata: { applied: "no" },
    retryAfterMs: 1_000,
  });
const stopping = (): ConnectError =>
  apiError({
    code: Code.Unavailable,
    reason: "SHUTTING_DOWN",
    message: "it stops",
    metadata: { applied: "no" },
    retryAfterMs: 1_000,
  });

function setUp() {
  const [first, second] = [new Server(), new Server()];
  const client = createClient(ResourceService, anyOf([first.transport, second.transport]));
  return {
    first,
    second,
    client,
    asked: () => [first.asked, second.asked],
    watched: () => [first.watched, second.watched],
  };
}

/** Reads a watch that ought to end soon. */
async function readOn(watch: AsyncIterator<unknown>): Promise<void> {
  for (let events = 0; events < 100; events++) if ((await watch.next()).done === true) return;
}

describe("a client of several servers", () => {
  it("stays with one as long as that answers", async () => {
    const { client, asked } = setUp();
    for (let at = 0; at < 5; at++) await client.read({});
    expect(asked()).toEqual([5, 0]);
  });

  it.each([
    ["cannot be reached", refused],
    ["is about to stop", stopping],
    ["takes no streams any more", unprocessed],
  ])("goes to another at once when it %s, with a write as well, and stays there", async (_, fails) => {
    const { first, client, asked } = setUp();
    first.fails = fails;
    await client.write({});
    await client.read({});
    expect(asked()).toEqual([1, 2]);
  });

  it("reads again elsewhere when the connection breaks, and leaves a write of unknown outcome to its caller", async () => {
    const { first, second, client, asked } = setUp();
    first.fails = broken;
    await client.read({});
    expect(asked()).toEqual([1, 1]);
    second.fails = broken;
    await expect(client.write({})).rejects.toMatchObject({ code: Code.Aborted });
    expect(asked()).toEqual([1, 2]);
  });

  it("fails when none can be reached, once each was asked", async () => {
    const { first, second, client, asked } = setUp();
    first.fails = refused;
    second.fails = refused;
    await expect(client.read({})).rejects.toMatchObject({ code: Code.Unavailable });
    expect(asked()).toEqual([1, 1]);
  });

  it("does not leave a server for an answer that it does not like", async () => {
    const { first, client, asked } = setUp();
    first.fails = () => new ConnectError("no", Code.NotFound);
    await expect(client.read({})).rejects.toMatchObject({ code: Code.NotFound });
    first.fails = undefined;
    await client.read({});
    expect(asked()).toEqual([2, 0]);
  });

  it("does not leave a server whose answer is that a write was refused: another would say the same", async () => {
    const { first, client, asked } = setUp();
    first.fails = () =>
      apiError({
        code: Code.Aborted,
        reason: "VERSION_MISMATCH",
        message: "it has changed",
        metadata: { applied: "no" },
      });
    await expect(client.write({})).rejects.toMatchObject({ code: Code.Aborted });
    first.fails = undefined;
    await client.read({});
    expect(asked()).toEqual([2, 0]);
  });

  it("does not leave a server because its caller ends a call", async () => {
    const { first, client, asked } = setUp();
    const gone = new AbortController();
    first.fails = () => {
      gone.abort();
      return new ConnectError("This operation was aborted", Code.Canceled);
    };
    await expect(client.read({}, { signal: gone.signal })).rejects.toMatchObject({ code: Code.Canceled });
    first.fails = undefined;
    await client.read({});
    expect(asked()).toEqual([2, 0]);
  });

  it("takes its watches along when it leaves a server that still serves them", async () => {
    const { first, client, watched } = setUp();
    const watch = client.watchList({})[Symbol.asyncIterator]();
    await watch.next();
    first.fails = refused;
    await client.read({});
    await expect(readOn(watch)).rejects.toMatchObject({ code: Code.Unavailable });
    for await (const _ of client.watchList({})) break;
    expect(watched()).toEqual([1, 1]);
  });

  it("leaves its watches where they are while no server answers", async () => {
    const { first, second, client, watched } = setUp();
    const watch = client.watchList({})[Symbol.asyncIterator]();
    await watch.next();
    first.fails = quorumLost;
    second.fails = quorumLost;
    for (let at = 0; at < 3; at++)
      await expect(client.read({})).rejects.toMatchObject({ code: Code.Unavailable });
    expect((await watch.next()).done).toBe(false);
    first.fails = undefined;
    await client.read({});
    expect((await watch.next()).done).toBe(false);
    await watch.return?.();
    expect(watched()).toEqual([1, 0]);
  });

  it("does not leave a server where other writers were faster", async () => {
    const { first, client, asked } = setUp();
    first.fails = () =>
      apiError({
        code: Code.Unavailable,
        reason: "CONFLICT",
        message: "others kept changing it",
        metadata: { applied: "no" },
        retryAfterMs: 1_000,
      });
    await expect(client.write({})).rejects.toMatchObject({ code: Code.Unavailable });
    first.fails = undefined;
    await client.read({});
    expect(asked()).toEqual([2, 0]);
  });

  it("keeps nothing of a watch that its reader left between two events", async () => {
    const { first, client } = setUp();
    const over = new AbortController();
    const watch = client.watchList({}, { signal: over.signal })[Symbol.asyncIterator]();
    await watch.next();
    over.abort();
    const abort = jest.spyOn(AbortController.prototype, "abort");
    first.fails = refused;
    await client.read({});
    const reasons = abort.mock.calls.map(([reason]) => String(reason));
    abort.mockRestore();
    expect(reasons.filter((reason) => reason.includes("went to another server"))).toEqual([]);
  });

  it("takes its watches along when the other server answers with an error", async () => {
    const { first, second, client } = setUp();
    const watch = client.watchList({})[Symbol.asyncIterator]();
    await watch.next();
    first.fails = refused;
    second.fails = () => apiError({ reason: "RESOURCE_NOT_FOUND", message: "no" });
    await expect(client.read({})).rejects.toMatchObject({ code: Code.NotFound });
    await expect(readOn(watch)).rejects.toMatchObject({ code: Code.Unavailable });
  });

  it("leaves alone the watches of the server that it stays with", async () => {
    const { first, second, client, watched } = setUp();
    first.fails = refused;
    await client.read({});
    const watch = client.watchList({})[Symbol.asyncIterator]();
    await watch.next();
    await client.read({});
    second.fails = () => new ConnectError("no", Code.NotFound);
    await expect(client.read({})).rejects.toMatchObject({ code: Code.NotFound });
    expect((await watch.next()).done).toBe(false);
    await watch.return?.();
    expect(watched()).toEqual([0, 1]);
  });

  it("does not leave a server because its caller ends a watch", async () => {
    const { client, asked } = setUp();
    const over = new AbortController();
    const watch = client.watchList({}, { signal: over.signal });
    await expect(
      (async () => {
        for await (const _ of watch) over.abort();
      })(),
    ).rejects.toMatchObject({ code: Code.Canceled });
    await client.read({});
    expect(asked()).toEqual([1, 0]);
  });
});
