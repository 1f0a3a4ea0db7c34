import { afterEach, describe, expect, it } from "@jest/globals";

import { defineController, index, watch } from "../define.ts";
import { byName } from "../mappers.ts";
import { Artist, createRun, Executive, RecordLabel, type Run } from "../test-support/run.ts";

const KEY = "example.dev/labels";

let run: Run;
afterEach(() => run.close());

const byDescription = index({ name: "by-description", type: RecordLabel, keys: ({ data }) => [data.name] });

/** Asks in each way for the label and the executive that an artist's name names, with the artist's own tenancy. */
const signed = defineController({
  name: "signed",
  key: KEY,
  type: Artist,
  watches: [RecordLabel, Executive],
  indexes: [byDescription],
  async reconcile({ request, resource, cache, status }) {
    const { name } = resource.data;
    const found = [
      cache.get(RecordLabel, { ...request, name }),
      ...cache.list(RecordLabel, request),
      ...cache.listByPrefix(RecordLabel, name, request),
      ...cache.byIndex(byDescription, name, request),
      ...cache.byIndexPrefix(byDescription, name, request),
      ...cache.byIndexParents(byDescription, name, request),
      cache.get(Executive, { ...request, name }),
      ...cache.list(Executive, request),
      ...cache.listByPrefix(Executive, name, request),
    ];
    status.set("Found", true, { message: `${found.filter((one) => one !== undefined).length}` });
  },
});

async function found(): Promise<string | undefined> {
  await run.settled();
  const { status } = await run.client.read(Artist, { name: "korn" });
  return status[KEY]?.conditions[0]?.message;
}

describe("a cache that is asked with more tenancy than a type has", () => {
  it("finds what is there, and tells when it comes and goes", async () => {
    run = createRun([signed]);
    await run.artist("korn", "sony");
    expect(await found()).toBe("0");
    await run.client.write(RecordLabel, { name: "sony", data: { name: "sony" } });
    expect(await found()).toBe("6");
    await run.client.write(Executive, { name: "sony", data: { position: "x" } });
    expect(await found()).toBe("9");
    await run.client.delete(RecordLabel, { name: "sony" });
    expect(await found()).toBe("3");
  });

  it("has a mapper's names run that have more of it than the managed type", async () => {
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "named",
        type: RecordLabel,
        watches: [watch(Artist, byName())],
        reconcile: async ({ request: { partition, namespace, name } }) =>
          void ran.push(`${partition}/${namespace}/${name}`),
      }),
    ]);
    await run.client.write(RecordLabel, { name: "sony", data: { name: "sony" } });
    await run.settled();
    await run.artist("sony");
    await run.settled();
    expect(ran).toEqual(["default//sony", "default//sony"]);
  });
});
