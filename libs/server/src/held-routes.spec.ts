import { create } from "@bufbuild/protobuf";
import {
  createClient,
  createConnectRouter,
  createRouterTransport,
  type ServiceImpl,
} from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import {
  ResourceService,
  type WatchEvent,
  WatchEventSchema,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { batchedStream, isBatched } from "@trellis/resource";

import { type Hold, heldRoutes } from "./held-routes.ts";

const event = (version: string): WatchEvent => create(WatchEventSchema, { version });

/** A service at a door, and the door. */
function atDoor() {
  const opened = Promise.withResolvers<number>();
  let isOpen = false;
  let looks = 0;
  const hold: Hold = (call) => {
    if (isOpen) return undefined;
    looks += Number(call.signal.aborted) + 1;
    return opened.promise;
  };
  const implementation: Partial<ServiceImpl<typeof ResourceService>> = {
    read: () => ({ resource: { generation: "g" } }),
    watchList() {
      const batches = [[event("1"), event("2")], [event("3")]];
      return batchedStream({ next: async () => batches.shift(), return: async () => undefined });
    },
  };
  const routes = heldRoutes(
    { connect: (router) => void router.service(ResourceService, implementation) },
    hold,
  );
  let held: Partial<ServiceImpl<typeof ResourceService>> = {};
  const recording = { ...createConnectRouter(), service: (_: unknown, found: typeof held) => (held = found) };
  routes.connect?.(recording as never);
  return {
    client: createClient(
      ResourceService,
      createRouterTransport((router) => routes.connect?.(router)),
    ),
    watch: () => held.watchList?.(create(WatchListRequestSchema), { signal: AbortSignal.abort() } as never),
    looks: () => looks,
    open: (): void => {
      isOpen = true;
      opened.resolve(0);
    },
  };
}

async function versions(events: AsyncIterable<WatchEvent>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { version } of events) found.push(version);
  return found;
}

describe("calls at a door", () => {
  it("are read as they would be without one", () => {
    const requestReaders = new Map([[WatchListRequestSchema, () => undefined]]);
    expect(heldRoutes({ requestReaders }, () => undefined)).toEqual({ requestReaders });
  });

  it("wait until it opens", async () => {
    const { client, open, looks } = atDoor();
    const [read, watched] = [client.read({}), versions(client.watchList({}))];
    await new Promise((resolve) => setImmediate(resolve));
    expect(looks()).toBe(2);
    open();
    expect((await read).resource?.generation).toBe("g");
    expect(await watched).toEqual(["1", "2", "3"]);
  });

  it("go through an open one as if there were none", async () => {
    const { client, open, watch, looks } = atDoor();
    open();
    expect(await versions(client.watchList({}))).toEqual(["1", "2", "3"]);
    const stream = watch();
    expect(stream !== undefined && isBatched(stream[Symbol.asyncIterator]() as AsyncIterator<unknown>)).toBe(
      true,
    );
    expect(looks()).toBe(0);
  });
});
