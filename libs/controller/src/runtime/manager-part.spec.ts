import { afterEach, describe, expect, it } from "@jest/globals";
import { errorReason } from "@trellis/resource";

import { defineController, type AnyController } from "../define.ts";
import type { Request } from "../controller.ts";
import { Album, Artist, createRun, RecordLabel, type Run } from "../test-support/run.ts";
import { createManagerPart } from "./manager-part.ts";
import type { PageAnswer } from "./page-route.ts";

let run: Run | undefined;
afterEach(async () => {
  await run?.close();
  run = undefined;
});

/** Controllers that run, and the part that tells of them. */
function manage(controllers: readonly AnyController[]) {
  const started = createRun(controllers);
  run = started;
  const warned: [object, string][] = [];
  const silent = (): void => undefined;
  const warn = (fields: object, message: string): void => void warned.push([fields, message]);
  const part = createManagerPart({
    runtimes: [started.server.runtime],
    types: [RecordLabel],
    log: { debug: silent, info: silent, error: silent, warn },
  });
  return {
    run: started,
    part,
    warned,
    get: async (path: string, method = "GET"): Promise<PageAnswer> => {
      const url = new URL(`http://trellis.invalid${path}`);
      const route = part.routes.http.find(({ prefix }) => url.pathname.startsWith(prefix));
      if (route === undefined) throw new Error(`no route for ${path}`);
      return await route.handle({ method, url });
    },
  };
}

const reconcile = async (): Promise<void> => {};
const idle = defineController({ name: "idle", type: Artist, owns: [Album], reconcile });

describe("the pages of a manager", () => {
  it("tell how each controller is doing, as JSON for people", async () => {
    const broken = defineController({
      name: "broken",
      type: Artist,
      async reconcile() {
        throw new Error("out of paint");
      },
    });
    const { run: started, get } = manage([idle, broken]);
    await started.artist("ada");
    await started.clock.advance(20);
    const { status, headers, body } = await get("/controllers");
    expect([status, headers["content-type"], headers["cache-control"]]).toEqual([
      200,
      "application/json",
      "no-store",
    ]);
    expect(body).toContain('\n  "controllers": [\n');
    const { controllers } = JSON.parse(body);
    expect(controllers).toEqual([
      {
        name: "idle",
        state: "running",
        type: "demo.v2.Artist",
        placement: "singleton",
        queued: 0,
        resting: 0,
        running: 0,
        retrying: 0,
        mapping: 0,
        hung: 0,
        reconciles: expect.any(Number),
        failures: 0,
        longestRunMs: 0,
        hotNames: 0,
        hot: [],
      },
      expect.objectContaining({ name: "broken", retrying: 1, lastError: "out of paint" }),
    ]);
  });

  it("list what controllers told, the last first, and of one resource only when it is named", async () => {
    const telling = defineController({
      name: "telling",
      type: Artist,
      async reconcile({ resource, event }) {
        event("Painted", `with ${resource.data.name}`);
      },
    });
    const { run: started, get } = manage([telling]);
    await started.artist("ada", "blue");
    await started.settled();
    await started.clock.advance(1_000);
    await started.artist("bea", "red");
    await started.settled();
    const events = async (query = "") => JSON.parse((await get(`/events${query}`)).body).events;
    const bea = {
      controller: "telling",
      type: "demo.v2.Artist",
      resource: "default/default/bea",
      reason: "Painted",
      message: "with red",
      count: 1,
      first: "2026-01-01T00:00:01.000Z",
      last: "2026-01-01T00:00:01.000Z",
    };
    expect(await events()).toEqual([bea, expect.objectContaining({ resource: "default/default/ada" })]);
    for (const named of [
      "bea",
      "artist/bea",
      "demo.v2.Artist/bea",
      "default/bea",
      "artist/default/default/bea",
    ])
      expect([named, await events(`?resource=${named}`)]).toEqual([named, [bea]]);
    for (const other of ["carl", "album/bea", "other/bea"])
      expect([other, await events(`?resource=${other}`)]).toEqual([other, []]);
  });

  it("draw the graph of types, and give it as data", async () => {
    const { get } = manage([idle]);
    expect(await get("/graph")).toEqual({
      status: 200,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
      body: "flowchart TD\n  demo/v1/recordlabel\n  demo/v2/artist --> demo/v2/album\n",
    });
    expect(JSON.parse((await get("/graph?format=json")).body)).toEqual({
      types: ["demo/v1/recordlabel", "demo/v2/album", "demo/v2/artist"],
      dependencies: [{ from: "demo/v2/artist", to: "demo/v2/album" }],
      cycles: [],
    });
  });

  it("refuse what they do not have, and say what there is", async () => {
    const { get } = manage([idle]);
    const refused = async (path: string, method?: string) =>
      await get(path, method).then(
        () => "answered",
        (error: unknown) => `${errorReason(error)}: ${(error as { rawMessage?: string }).rawMessage}`,
      );
    expect(await refused("/controllersx")).toBe(
      "ROUTE_NOT_FOUND: no route /controllersx; there is /controllers",
    );
    expect(await refused("/graph", "POST")).toBe("METHOD_NOT_ALLOWED: /graph takes GET, found POST");
    expect(await refused("/graph?format=xml")).toBe(
      "INVALID_REQUEST: /graph takes format=mermaid or json; found format=xml",
    );
    expect(await refused("/graph?colour=red")).toBe(
      "INVALID_REQUEST: /graph takes the parameters format; found colour=red",
    );
    expect(await refused("/controllers?a=b")).toBe(
      "INVALID_REQUEST: /controllers takes no parameters; found a=b",
    );
  });
});

describe("a manager", () => {
  it("warns at its start of types that depend on each other, and runs them all the same", async () => {
    const seen: Request[] = [];
    const forth = defineController({
      name: "forth",
      type: Artist,
      watches: [Album],
      async reconcile({ request }) {
        seen.push(request);
      },
    });
    const back = defineController({ name: "back", type: Album, watches: [Artist], reconcile });
    const { part, warned, run: started } = manage([forth, back]);
    await part.start();
    expect(warned).toEqual([
      [
        { types: ["demo/v2/album", "demo/v2/artist"] },
        "types depend on each other: demo/v2/album → demo/v2/artist → demo/v2/album; a change goes round until a controller writes nothing new",
      ],
    ]);
    await started.artist("ada");
    await started.settled();
    expect(seen.map(({ name }) => name)).toContain("ada");
    await part.stop();
  });
});
