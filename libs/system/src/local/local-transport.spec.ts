import { create } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createClient,
  createRouterTransport,
  type ServiceImpl,
  type Transport,
} from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { ErrorInfoSchema } from "@trellis/protos/google/rpc/error_details_pb";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createVirtualClock } from "@trellis/testing";

import { createLocalTransport } from "./local-transport.ts";

type Routes = (router: ConnectRouter) => ConnectRouter;
const options = () => ({ clock: createVirtualClock(), before: () => Promise.resolve() });

/** The library's, which makes bytes of everything, and ours must not be told apart by either side. */
const transports: readonly [string, (routes: Routes) => Transport][] = [
  ["the library's", (routes) => createRouterTransport(routes)],
  ["ours", (routes) => createLocalTransport(routes, options())],
];

function served(implementation: Partial<ServiceImpl<typeof ResourceService>>): Routes {
  return (router) => router.service(ResourceService, implementation);
}

function stored(): Resource {
  return create(ResourceSchema, {
    id: { name: "korn" },
    metadata: { team: "rock" },
    data: { typeUrl: "x/y", value: new Uint8Array([1, 2, 3]) },
  });
}

async function refusal(work: Promise<unknown>): Promise<ConnectError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

describe.each(transports)("calls within the process (%s)", (_, transportOf) => {
  const clientOf = (implementation: Partial<ServiceImpl<typeof ResourceService>>) =>
    createClient(ResourceService, transportOf(served(implementation)));

  it("give the handler the request and its headers, and the caller the answer and its headers", async () => {
    const client = clientOf({
      read(request, context) {
        context.responseHeader.set("version", `of ${context.requestHeader.get("caller")}`);
        return { resource: { id: { name: request.id?.name ?? "" } } };
      },
    });
    let version: string | null = null;
    const { resource } = await client.read(
      { id: { name: "korn" } },
      { headers: { caller: "us" }, onHeader: (header) => (version = header.get("version")) },
    );
    expect({ name: resource?.id?.name, version }).toEqual({ name: "korn", version: "of us" });
  });

  it("show the headers of a stream once its handler has set them, before its first answer", async () => {
    const seen: unknown[] = [];
    const client = clientOf({
      async *watchList(_, { responseHeader }) {
        await Promise.resolve();
        responseHeader.set("version", "7");
        yield { event: { case: "upsert", value: { resource: stored() } } };
      },
    });
    const onHeader = (header: Headers): unknown => seen.push(header.get("version"));
    for await (const { event } of client.watchList({}, { onHeader })) seen.push(event.case);
    expect(seen).toEqual(["7", "upsert"]);
  });

  it("share no bytes that the caller could change under the handler", async () => {
    const kept = stored();
    const client = clientOf({
      read: () => ({ resource: kept }),
      list: () => ({ resources: [kept, kept] }),
      async *watchList() {
        yield { event: { case: "upsert", value: { resource: kept } } };
      },
      batchWrite: () => ({ results: [{ result: { case: "write", value: { resource: kept } } }] }),
    });
    const found = [(await client.read({})).resource, ...(await client.list({})).resources];
    for await (const { event } of client.watchList({}))
      if (event.case === "upsert") found.push(event.value.resource);
    for (const { result } of (await client.batchWrite({})).results)
      if (result.case === "write") found.push(result.value.resource);
    expect(found).toHaveLength(5);
    for (const resource of found) {
      expect(resource).toEqual(stored());
      resource?.data?.value.fill(0);
    }
    expect(kept).toEqual(stored());
  });

  it("tell an error's code, words, details and headers, and not its stack", async () => {
    const client = clientOf({
      read(_, { responseHeader }) {
        responseHeader.set("version", "7");
        const details = { desc: ErrorInfoSchema, value: { reason: "GONE", domain: "d" } };
        throw new ConnectError("no such thing", Code.NotFound, { hint: "look elsewhere" }, [details]);
      },
      list() {
        throw new TypeError("a secret");
      },
    });
    const error = await refusal(client.read({}));
    expect({
      code: error.code,
      words: error.rawMessage,
      headers: [error.metadata.get("version"), error.metadata.get("hint")],
      details: error.findDetails(ErrorInfoSchema).map(({ reason }) => reason),
    }).toEqual({
      code: Code.NotFound,
      words: "no such thing",
      headers: ["7", "look elsewhere"],
      details: ["GONE"],
    });
    expect(await refusal(client.list({}))).toMatchObject({
      code: Code.Internal,
      rawMessage: "internal error",
    });
  });

  it("say what is not implemented", async () => {
    expect((await refusal(clientOf({}).read({}))).code).toBe(Code.Unimplemented);
    const stream = clientOf({}).watchList({})[Symbol.asyncIterator]();
    expect((await refusal(stream.next())).code).toBe(Code.Unimplemented);
  });

  it("end for both sides when the caller ends them", async () => {
    const ended: string[] = [];
    const client = clientOf({
      read: async (_, { signal }) =>
        await new Promise(() => signal.addEventListener("abort", () => ended.push("read"))),
      async *watchList(_, { signal }) {
        yield { event: { case: "upsert", value: { resource: stored() } } };
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        ended.push("watch");
      },
    });
    const caller = new AbortController();
    const read = refusal(client.read({}, { signal: caller.signal }));
    const watch = client.watchList({}, { signal: caller.signal })[Symbol.asyncIterator]();
    expect((await watch.next()).done).toBe(false);
    const next = refusal(watch.next());
    caller.abort();
    expect([(await read).code, (await next).code]).toEqual([Code.Canceled, Code.Canceled]);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(ended.toSorted()).toEqual(["read", "watch"]);
    expect((await refusal(client.read({}, { signal: caller.signal }))).code).toBe(Code.Canceled);
  });

  it("pass a stream's own error on after what came before it", async () => {
    const client = clientOf({
      async *watchList() {
        yield { event: { case: "upsert", value: { resource: stored() } } };
        throw new ConnectError("history is gone", Code.OutOfRange);
      },
    });
    const watch = client.watchList({})[Symbol.asyncIterator]();
    expect((await watch.next()).done).toBe(false);
    expect((await refusal(watch.next())).code).toBe(Code.OutOfRange);
  });
});

describe("calls within the process", () => {
  it("end a stream for its handler when the caller reads no more", async () => {
    let isEnded = false;
    const routes = served({
      async *watchList() {
        try {
          for (;;) yield { event: { case: "upsert", value: { resource: stored() } } };
        } finally {
          isEnded = true;
        }
      },
    });
    const client = createClient(ResourceService, createLocalTransport(routes, options()));
    const caller = new AbortController();
    for await (const _ of client.watchList({}, { signal: caller.signal })) break;
    caller.abort();
    await new Promise((resolve) => void setImmediate(resolve));
    expect(isEnded).toBe(true);
  });

  it("end at their deadline, which the handler knows", async () => {
    const clock = createVirtualClock();
    const transport = createLocalTransport(
      served({
        read: async (_, { timeoutMs, signal }) => {
          expect(timeoutMs()).toBe(500);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          return {};
        },
      }),
      { clock, before: () => Promise.resolve() },
    );
    const read = refusal(createClient(ResourceService, transport).read({}, { timeoutMs: 500 }));
    await clock.advance(500);
    expect((await read).code).toBe(Code.DeadlineExceeded);
  });
});
