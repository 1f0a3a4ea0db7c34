import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { anyPack, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import {
  type Check,
  CheckSchema,
  type Operation,
  OperationSchema,
  ResourceService,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { errorReason, type TypedResource } from "@trellis/resource";

import type { Client } from "./client.ts";
import { Artist, createSetup, failure, rejection, type Setup, throwing } from "./test-support/setup.ts";
import { withPreconditions } from "./with-preconditions.ts";

let setup: Setup;
let fence: TypedResource<typeof Artist.schema>;
let fenced: Client;
beforeEach(async () => {
  setup = createSetup();
  fence = (await setup.client.write(Artist, { name: "fence", data: { name: "Fence" } })).resource;
  fenced = withPreconditions(setup.client, () => [check()]);
});
afterEach(() => setup.close());

function check(): Check {
  const { id, generation } = fence;
  return create(CheckSchema, { id, generation });
}

/** The fence of everybody is another from now on. */
async function moveFence(): Promise<void> {
  await setup.client.write(Artist, { name: "fence", data: { name: "Moved" } });
}

const { group, groupVersion, kind } = Artist;
const type = { group, groupVersion, kind };
const artist = (name: string) => ({
  id: { type, name },
  data: anyPack(Artist.schema, create(Artist.schema, { name: "New" })),
});

/** One of each: how something may be changed, on an artist called `there` that is there. */
const mutations: Readonly<
  Record<string, (client: Client, there: TypedResource<typeof Artist.schema>) => Promise<unknown>>
> = {
  write: (client, there) => client.write(Artist, { name: there.id.name, data: { name: "New" } }),
  writeStatus: (client, there) =>
    client.writeStatus(Artist, there, {
      key: "k",
      observedGeneration: there.generation,
      conditions: [{ type: "T", state: Condition_State.TRUE }],
    }),
  delete: (client, { id }) => client.delete(Artist, { name: id.name, uid: id.uid }),
  "resources.write": (client, { id }) => client.resources.write({ resource: artist(id.name) }),
  "resources.writeStatus": (client, { id, generation }) =>
    client.resources.writeStatus({ id, key: "k", status: { observedGeneration: generation } }),
  "resources.delete": (client, { id }) => client.resources.delete({ id }),
  "resources.transact": (client, { id }) =>
    client.resources.transact({
      operations: [
        { operation: { case: "check", value: { id } } },
        { operation: { case: "delete", value: { id } } },
        { operation: { case: "write", value: { resource: artist("new") } } },
      ],
    }),
  "resources.batchWrite": async (client, { id }) => {
    const { results } = await client.resources.batchWrite({
      operations: [
        { operation: { case: "delete", value: { id } } },
        { operation: { case: "write", value: { resource: artist("new") } } },
      ],
    });
    const refused = results.filter(({ result }) => result.case === "error");
    if (refused.length === 0) return;
    expect(refused).toHaveLength(2);
    throw failure("PRECONDITION_FAILED");
  },
};

describe("a client with preconditions", () => {
  it.each(Object.keys(mutations))("makes them hold in %s", async (name) => {
    const { resource: there } = await setup.client.write(Artist, { name: "there", data: { name: "There" } });
    await moveFence();
    const { version } = setup.backend.position();
    const refused = await rejection(mutations[name]?.(fenced, there) ?? Promise.resolve());
    expect(errorReason(refused)).toBe("PRECONDITION_FAILED");
    expect(setup.backend.position().version).toBe(version);
  });

  it.each(Object.keys(mutations))("does %s while they hold", async (name) => {
    const { resource: there } = await setup.client.write(Artist, { name: "there", data: { name: "There" } });
    const { version } = setup.backend.position();
    await mutations[name]?.(fenced, there);
    expect(setup.backend.position().version).toBeGreaterThan(version);
  });

  it("has them in every method of the service that changes something", () => {
    const changing = Object.values(ResourceService.method)
      .filter(({ idempotency }) => idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS)
      .map(({ localName }) => `resources.${localName}`);
    expect(Object.keys(mutations)).toEqual(expect.arrayContaining(changing));
  });

  it("asks for them with each call, and sends nothing when they throw", async () => {
    let held = true;
    const client = withPreconditions(setup.client, () => {
      if (!held) throw new Error("not held");
      return [check()];
    });
    await client.write(Artist, { name: "one", data: { name: "One" } });
    held = false;
    const requests = throwing();
    setup.faults = { request: requests };
    for (const mutation of Object.values(mutations))
      expect(await rejection(mutation(client, fence))).toMatchObject({ message: "not held" });
    expect(requests.calls).toBe(0);
    await client.read(Artist, { name: "one" });
  });

  it("keeps those that a caller gives, and changes no request of its own", async () => {
    const given = create(CheckSchema, { id: { type, name: "absent" } });
    const request = { resource: artist("new"), preconditions: [given] };
    expect(errorReason(await rejection(fenced.resources.write(request)))).toBe("PRECONDITION_FAILED");
    expect(request.preconditions).toEqual([given]);
  });

  it("tells the positions of a transaction as the caller counts them", async () => {
    const operations = [
      { operation: { case: "write" as const, value: { resource: artist("a") } } },
      { operation: { case: "check" as const, value: { id: { type, name: "absent" } } } },
    ];
    const refused = await rejection(fenced.resources.transact({ operations }));
    expect(String(refused)).toContain("operations[1]");
  });
});

describe("a batch of more operations than a request takes preconditions", () => {
  const writes = (count: number): Operation[] =>
    Array.from({ length: count }, (_, at) =>
      create(OperationSchema, {
        operation: {
          case: "write",
          value: { resource: artist(`a-${at}`) },
        },
      }),
    );

  it("is sent in parts, with the results in order", async () => {
    const { results, version } = await fenced.resources.batchWrite({ operations: writes(600) });
    expect(results).toHaveLength(600);
    const names = results.map(({ result }) => result.case === "write" && result.value.resource?.id?.name);
    expect(names).toEqual(Array.from({ length: 600 }, (_, at) => `a-${at}`));
    expect(Number(version)).toBe(setup.backend.position().version);
  });

  it("tells what became of the first parts when a later one fails", async () => {
    let calls = 0;
    setup.faults = {
      request: () => {
        calls += 1;
        if (calls === 2) throw failure("PERMISSION_DENIED", "no");
      },
    };
    const { results } = await fenced.resources.batchWrite({ operations: writes(300) });
    expect(results.map(({ result }) => result.case)).toEqual([
      ...Array.from({ length: 256 }, () => "write"),
      ...Array.from({ length: 44 }, () => "error"),
    ]);
  });
});
