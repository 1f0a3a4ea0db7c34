import { Code, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { anonymous, type Access, type Authorizer, type Decision } from "@trellis/authz";
import { create } from "@bufbuild/protobuf";
import demo from "@trellis/demo";
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  ResourceService,
  type WatchEvent,
  WatchListRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createRegistry } from "@trellis/registry";
import { type BatchedStream, systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";
import { seededRandom } from "@trellis/testing";

import { createResourceService } from "./resource-service.ts";
import { Artist, artist, createFixture, type Fixture, id, typeMessage } from "./test-support/fixture.ts";
import { wordsOf } from "./test-support/watching.ts";

type WatchList = (request: unknown, context: HandlerContext) => BatchedStream<WatchEvent>;

const ALLOWED: Decision = { decision: "allow" };
const fixtures: Fixture[] = [];
const leaving: AbortController[] = [];
afterEach(async () => {
  for (const controller of leaving.splice(0)) controller.abort();
  for (const { server } of fixtures.splice(0)) await server.close();
});

const turns = async (count = 5): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => void setImmediate(resolve));
};

/** A watch whose events go to a sink that takes them until it has so many batches. */
interface Flowing {
  /** What the sink was given. */
  readonly batches: (readonly WatchEvent[])[];
  /** What it was told before. */
  readonly first: readonly WatchEvent[];
  readonly words: () => readonly string[];
  readonly stream: BatchedStream<WatchEvent>;
  /** What is awaited besides. */
  readonly asked: Promise<readonly WatchEvent[] | undefined>;
  readonly leave: () => void;
}

function setUp(authorizer: Authorizer) {
  const backend = createMemoryBackend({ clock: systemClock, random: seededRandom(1) });
  const fixture = createFixture({ backend });
  fixtures.push(fixture);
  const registry = createRegistry([demo]);
  const service = createResourceService({
    registry,
    backend,
    authorizer,
    clock: systemClock,
    random: seededRandom(2),
  });
  let watchList: WatchList | undefined;
  const router = {
    service(described: unknown, methods: { readonly watchList: WatchList }) {
      if (described === ResourceService) watchList = methods.watchList;
      return router;
    },
  };
  service.routes.connect(router as unknown as ConnectRouter);
  /** Opens a watch and reads until it follows the present. */
  async function flow(request: object = {}, batchesAtOnce = Infinity): Promise<Flowing> {
    const controller = new AbortController();
    leaving.push(controller);
    const context = {
      signal: controller.signal,
      protocolName: "grpc",
      requestHeader: new Headers({ "content-type": "application/json" }),
      responseHeader: new Headers(),
      method: ResourceService.method.watchList,
    };
    const message = create(WatchListRequestSchema, { type: typeMessage(Artist), ...request });
    const stream = (watchList as WatchList)(message, context as unknown as HandlerContext);
    const first: WatchEvent[] = [];
    while (first.at(-1)?.event.case !== "endOfSnapshot") first.push(...((await stream.nextBatch()) ?? []));
    const batches: (readonly WatchEvent[])[] = [];
    stream.flowTo((batch) => batches.push(batch) < batchesAtOnce);
    const asked = stream.nextBatch();
    asked.catch(() => undefined);
    await turns();
    const words = (): readonly string[] => batches.flat().map(wordsOf);
    return { batches, first, words, stream, asked, leave: () => controller.abort() };
  }
  return {
    ...fixture,
    backend,
    service,
    flow,
    write: (name: string) => fixture.rpc.write({ resource: artist(name) }),
  };
}

/** Counts whom it is asked about. */
function counting(decide: (access: Access) => ReturnType<Authorizer["decide"]> = () => ALLOWED) {
  const names: string[] = [];
  const authorizer: Authorizer = {
    decide(access) {
      if (access.verb === "read") names.push(access.name ?? "");
      return decide(access);
    },
  };
  return { names, authorizer };
}

describe("the flow of a watch", () => {
  it("gives its sink what happens, while an answer is awaited", async () => {
    const { flow, write, rpc } = setUp(counting().authorizer);
    const { words, batches } = await flow();
    await write("a");
    await turns();
    expect(words()).toEqual(["upsert a"]);
    await write("b");
    await rpc.delete({ id: id(Artist, "a") });
    await turns();
    expect(words()).toEqual(["upsert a", "upsert b", "delete a DELETED"]);
    expect(batches.at(-1)?.at(-1)?.version).not.toBe("");
  });

  it("asks once for all that have one identity, and gives them the same messages", async () => {
    const { names, authorizer } = counting();
    const { flow, write } = setUp(authorizer);
    const flows = [await flow(), await flow(), await flow()];
    await write("a");
    await turns();
    expect(names).toEqual(["a"]);
    const [first, ...others] = flows.map(({ batches }) => batches);
    expect(first).toHaveLength(1);
    for (const batches of others) expect(batches[0]).toBe(first?.[0]);
  });

  it("asks again about what it asked before, for who comes later", async () => {
    let may = true;
    const denied: Decision = { decision: "deny", reason: "no more" };
    const { authorizer } = counting(({ verb }) => (may || verb === "list" ? ALLOWED : denied));
    const { flow, write } = setUp(authorizer);
    const before = (await write("before")).resource?.version;
    const present = await flow();
    await write("a");
    await turns();
    expect(present.words()).toEqual(["upsert a"]);
    const early = await flow({ sinceVersion: before });
    expect(early.first.map(wordsOf)).toEqual(["upsert a", "endOfSnapshot"]);
    may = false;
    const late = await flow({ sinceVersion: before });
    expect(late.first.map(wordsOf)).toEqual(["endOfSnapshot"]);
  });

  it("tells each selector what it chooses", async () => {
    const { flow, rpc } = setUp(counting().authorizer);
    const all = await flow();
    const blue = await flow({ selector: "colour=blue" });
    for (const [name, colour] of [
      ["a", "blue"],
      ["b", "red"],
    ] as const)
      await rpc.write({ resource: artist(name, { metadata: { colour } }) });
    await turns();
    expect([all.words(), blue.words()]).toEqual([["upsert a", "upsert b"], ["upsert a"]]);
  });

  it("answers with nothing once its sink has enough, and goes on where it was when it is asked again", async () => {
    const { flow, write } = setUp(counting().authorizer);
    const { asked, words, stream } = await flow({}, 1);
    await write("a");
    expect(await asked).toEqual([]);
    for (const name of ["b", "c"]) await write(name);
    await turns();
    expect(words()).toEqual(["upsert a"]);
    const told = (await stream.nextBatch())?.map(wordsOf) ?? [];
    expect([...words(), ...told]).toEqual(["upsert a", "upsert b", "upsert c"]);
    const again = stream.nextBatch();
    await write("d");
    expect([await again, words().at(-1)]).toEqual([[], "upsert d"]);
  });

  it("tells what an authorizer takes its time for, in order", async () => {
    const { authorizer } = counting(async ({ name }) => {
      await turns(name === "slow" ? 3 : 1);
      return name === "hidden" ? { decision: "deny", reason: "hidden" } : ALLOWED;
    });
    const { flow, write } = setUp(authorizer);
    const { asked, words, stream } = await flow();
    for (const name of ["slow", "hidden", "fast"]) await write(name);
    const told = [...((await asked) ?? [])];
    while (told.length < 2) told.push(...((await stream.nextBatch()) ?? []));
    expect([told.map(wordsOf), words()]).toEqual([["upsert slow", "upsert fast"], []]);
  });

  it("is told what came before a failure, and then the failure", async () => {
    const { authorizer } = counting(({ name }) => {
      if (name === "bad") throw new Error("the rights of this one cannot be judged");
      return ALLOWED;
    });
    const { flow, write } = setUp(authorizer);
    const { asked, words, stream } = await flow();
    await Promise.all([write("good"), write("bad")]);
    const told = (await asked) ?? [];
    expect([...words(), ...told.map(wordsOf)]).toEqual(["upsert good"]);
    await expect(stream.nextBatch()).rejects.toMatchObject({ code: Code.Internal });
  });

  it("does not show what was looked at before the rights to it changed", async () => {
    let change = (): void => undefined;
    const authorizer: Authorizer = {
      decide({ name }) {
        if (name === "last") change();
        return ALLOWED;
      },
      onChange: (identity, onChange) => {
        expect(identity).toBe(anonymous);
        change = onChange;
        return () => undefined;
      },
    };
    const { flow, write } = setUp(authorizer);
    const { asked, words } = await flow();
    await write("last");
    await expect(asked).rejects.toMatchObject({ rawMessage: expect.stringContaining("may see has changed") });
    expect(words()).toEqual([]);
  });

  it("answers with the end, and gives nothing more", async () => {
    const { flow, write, service } = setUp(counting().authorizer);
    const [left, stopped] = [await flow(), await flow()];
    left.leave();
    expect(await left.asked).toBeUndefined();
    await service.stop();
    await expect(stopped.asked).rejects.toMatchObject({
      rawMessage: expect.stringContaining("shutting down"),
    });
    await write("a");
    await turns();
    expect([left.words(), stopped.words()]).toEqual([[], []]);
  });
});
