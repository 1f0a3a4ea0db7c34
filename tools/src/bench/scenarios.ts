import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { measure } from "./measure.ts";
import type { Measurement } from "./report.ts";
import type { ServerProcess } from "@trellis/testkit";

const TYPE = { group: "demo", groupVersion: "v2", kind: "Album" };
/** Distinct resources that the load writes and reads; also what a list returns. */
const RESOURCES = 10_000;
/** HTTP/2 connections that the clients share. */
const CONNECTIONS = 8;
/** Calls under way while the store is filled. */
const FILL_CLIENTS = 64;

/** How to run the scenarios. */
export interface ScenarioOptions {
  readonly clients: number;
  readonly seconds: number;
  readonly watchers: number;
}

/** Runs all scenarios against one server, telling each measurement as it comes. */
export async function runScenarios(
  server: ServerProcess,
  options: ScenarioOptions,
  tell: (measurement: Measurement) => void,
): Promise<readonly Measurement[]> {
  const connections = Array.from({ length: CONNECTIONS }, () => connect(server.url));
  const client = (index: number) => connections[index % CONNECTIONS] as Client<typeof ResourceService>;
  const results: Measurement[] = [];
  const add = (measurement: Measurement) => {
    results.push(measurement);
    tell(measurement);
  };
  await fill(client);
  let next = 0;
  const { clients, seconds } = options;
  const write = async (index: number) => {
    next += 1;
    await client(index).write({ resource: album(next % RESOURCES, next) });
    return 1;
  };
  const read = async (index: number) => {
    next += 7919;
    await client(index).read({ id: albumId(next % RESOURCES) });
    return 1;
  };
  add(await measure(server, { scenario: "write-1", clients: 1, seconds, call: write }));
  add(await measure(server, { scenario: `write-${clients}`, clients, seconds, call: write }));
  add(await measure(server, { scenario: "read-1", clients: 1, seconds, call: read }));
  add(await measure(server, { scenario: `read-${clients}`, clients, seconds, call: read }));
  add(await measure(server, { scenario: "list-10000", clients: 1, seconds, call: () => listAll(client(0)) }));
  add(await measureWatch(server, client, options));
  return results;
}

function connect(url: string): Client<typeof ResourceService> {
  return createClient(ResourceService, createConnectTransport({ baseUrl: url, httpVersion: "2" }));
}

async function fill(client: (index: number) => Client<typeof ResourceService>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: FILL_CLIENTS }, async (_, index) => {
      for (let item = next++; item < RESOURCES; item = next++) {
        await client(index).write({ resource: album(item, 0) });
      }
    }),
  );
}

function albumId(item: number) {
  return { type: TYPE, name: `album-${item}` };
}

/** A resource of about 600 bytes as stored; `revision` makes each write a change. */
function album(item: number, revision: number) {
  const tracks = Array.from({ length: 12 }, (_, track) => `${revision} ${"track number".repeat(2)} ${track}`);
  const data = create(AlbumSchema, { title: `Album ${item}`, yearOfRelease: 1990, tracks });
  return create(ResourceSchema, {
    id: albumId(item),
    metadata: { team: "bench" },
    data: anyPack(AlbumSchema, data),
  });
}

/** One operation is the whole list, in pages as the server gives them. */
async function listAll(client: Client<typeof ResourceService>): Promise<number> {
  let pageToken = "";
  let count = 0;
  do {
    const page = await client.list({ type: TYPE, tenancy: {}, pageToken });
    count += page.resources.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (count !== RESOURCES) throw new Error(`the list has ${count} resources, expected ${RESOURCES}`);
  return 1;
}

/** An event is one change delivered to one watcher; the latency is from the start of a write until all watchers have it. */
async function measureWatch(
  server: ServerProcess,
  client: (index: number) => Client<typeof ResourceService>,
  { watchers, seconds }: ScenarioOptions,
): Promise<Measurement> {
  const stop = new AbortController();
  let events = 0;
  const synced: Promise<void>[] = [];
  const watches = Array.from({ length: watchers }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    synced.push(promise);
    const stream = client(index).watchList({ type: TYPE, name: "album-0" }, { signal: stop.signal });
    return consume(stream, resolve, () => {
      events += 1;
    });
  });
  await Promise.race([Promise.all(synced), Promise.all(watches)]);
  let revision = 1_000_000_000;
  const call = async (): Promise<number> => {
    revision += 1;
    const expected = events + watchers;
    await client(0).write({ resource: album(0, revision) });
    while (events < expected) await new Promise((resolve) => setImmediate(resolve));
    return watchers;
  };
  const row = await measure(server, { scenario: `watch-${watchers}`, clients: 1, seconds, call });
  stop.abort();
  await Promise.allSettled(watches);
  return row;
}

async function consume(
  stream: AsyncIterable<{ event: { case?: string | undefined } }>,
  onSynced: () => void,
  onEvent: () => void,
): Promise<void> {
  let live = false;
  for await (const message of stream) {
    if (message.event.case === "endOfSnapshot") {
      live = true;
      onSynced();
    } else if (live && message.event.case === "upsert") {
      onEvent();
    }
  }
}
