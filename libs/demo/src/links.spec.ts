import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { resourceType } from "@trellis/client";
import { byIndex, defineController, index, watch } from "@trellis/controller";
import { ConceptSchema } from "@trellis/protos/trellis/demo/v1/demo_pb";
import { createTestServer, createVirtualClock, type TestServer } from "@trellis/testing";

import demo, { v2 } from "./index.ts";

const { Artist, Festival } = v2;
const Concept = resourceType(ConceptSchema);

/** Which festivals refer to what: many to many, kept by the runtime. */
const festivalsByLink = index({
  name: "festivals-by-link",
  type: Festival,
  keys: ({ data }) => data.boundReferences.map(({ type, name }) => `${type?.kind}/${name}`),
});

/** The festivals that were reconciled since the last look. */
let reconciled: string[] = [];
const linked = defineController({
  name: "linked",
  type: Festival,
  indexes: [festivalsByLink],
  watches: [
    watch(Artist, byIndex(festivalsByLink, { keyOf: ({ id }) => `Artist/${id.name}` })),
    watch(Concept, byIndex(festivalsByLink, { keyOf: ({ id }) => `Concept/${id.name}` })),
  ],
  reconcile: async ({ request }) => void reconciled.push(request.name),
});

let server: TestServer;
let changes = 0;
beforeEach(() => {
  server = createTestServer({ domains: [demo], controllers: [linked], clock: createVirtualClock() });
});
afterEach(() => server.close());

type Link = readonly [type: typeof Artist | typeof Concept, name: string];
const artists = (...names: readonly string[]): Link[] => names.map((name) => [Artist, name]);

/** Has a festival refer to exactly these. */
async function track(name: string, links: readonly Link[]): Promise<void> {
  const boundReferences = links.map(([{ group, groupVersion, kind }, to]) => ({
    type: { group, groupVersion, kind },
    name: to,
  }));
  await server.client.write(Festival, { name, data: { name, boundReferences } });
  await server.settled();
}

/** Changes something, and tells which festivals that concerns. */
async function concernedBy([type, name]: Link): Promise<readonly string[]> {
  reconciled = [];
  const metadata = { change: String(++changes) };
  if (type === Artist) await server.client.write(Artist, { name, metadata, data: { name } });
  else await server.client.write(Concept, { name, metadata, data: {} });
  await server.settled();
  return reconciled.toSorted();
}

describe("what refers to a changed resource is reconciled, many to many", () => {
  it("T560: and nothing where nothing refers to it, nor where what goes away was never there", async () => {
    expect(await concernedBy([Artist, "api"])).toEqual([]);
    await server.client.delete(Festival, { name: "api" });
    expect(await concernedBy([Artist, "api"])).toEqual([]);
  });

  it("T561, T562, T563, T564: as the references are now, which change and go", async () => {
    for (let times = 0; times < 2; times++) await track("api", artists("api", "foo", "bar"));
    for (const link of artists("api", "foo", "bar")) expect(await concernedBy(link)).toEqual(["api"]);
    expect(await concernedBy([Artist, "www"])).toEqual([]);

    await track("www", artists("www", "foo"));
    expect(await concernedBy([Artist, "foo"])).toEqual(["api", "www"]);

    await track("api", artists("api", "bar"));
    expect(await concernedBy([Artist, "foo"])).toEqual(["www"]);

    await server.client.delete(Festival, { name: "api" });
    await server.settled();
    for (const link of artists("api", "bar")) expect(await concernedBy(link)).toEqual([]);
    expect(await concernedBy([Artist, "foo"])).toEqual(["www"]);
  });

  it("T567: also where links of two types share their names", async () => {
    await track("api", [
      [Artist, "foo"],
      [Concept, "bar"],
    ]);
    await track("www", [
      [Concept, "foo"],
      [Concept, "bar"],
    ]);
    expect(await concernedBy([Artist, "foo"])).toEqual(["api"]);
    expect(await concernedBy([Concept, "foo"])).toEqual(["www"]);
    expect(await concernedBy([Concept, "bar"])).toEqual(["api", "www"]);
    expect(await concernedBy([Artist, "bar"])).toEqual([]);
    await track("api", [[Concept, "foo"]]);
    expect(await concernedBy([Artist, "foo"])).toEqual([]);
    expect(await concernedBy([Concept, "foo"])).toEqual(["api", "www"]);
    expect(await concernedBy([Concept, "bar"])).toEqual(["www"]);
  });
});
