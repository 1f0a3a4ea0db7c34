import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  DeleteResponse_Outcome,
  WriteRequest_Mode,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorMetadata, errorReason, errorViolations, FINALIZERS_KEY } from "@trellis/resource";

import type { StorePosition } from "./client.ts";
import { Album, Artist, createSetup, rejection, type Setup } from "./test-support/setup.ts";

let setup: Setup;
beforeEach(() => {
  setup = createSetup();
});
afterEach(() => setup.close());

const writeArtist = (name: string, artist = "Korn") =>
  setup.client.write(Artist, { name, data: { name: artist } });

describe("reading and writing", () => {
  it("gives back what was written, decoded, and says what the write did", async () => {
    const { client } = setup;
    const created = await client.write(Artist, {
      name: "korn",
      metadata: { label: "epic" },
      data: { name: "Korn", genre: Genre.METAL },
    });
    expect(created.outcome).toBe(WriteResponse_Outcome.CREATED);
    const read = await client.read(Artist, { name: "korn" });
    expect(read).toEqual(created.resource);
    expect(read.id.tenancy).toMatchObject({ partition: "default", namespace: "default" });
    expect(read.data).toMatchObject({ name: "Korn", genre: Genre.METAL });
    const again = await client.write(Artist, { ...read.id, ...read, name: "korn", namespace: "default" });
    expect(again.outcome).toBe(WriteResponse_Outcome.UNCHANGED);
  });

  it("finds nothing where there is nothing, and throws for what is wrong otherwise", async () => {
    expect(await setup.client.find(Artist, { name: "nobody" })).toBeUndefined();
    const error = await rejection(setup.client.find(Artist, { name: "NOT A NAME" }));
    expect(errorReason(error)).toBe("INVALID_REQUEST");
    expect(errorViolations(error)[0]?.field).toBe("id.name");
    expect(await rejection(setup.client.read(Artist, { name: "nobody" }))).toMatchObject({
      code: Code.NotFound,
    });
  });

  it("compares the version that a write names, and tells the stored one", async () => {
    const { resource } = await writeArtist("korn");
    const { resource: newer } = await writeArtist("korn", "KoRn");
    const error = await rejection(
      setup.client.write(Artist, { name: "korn", data: { name: "Corn" }, version: resource.version }),
    );
    expect(errorReason(error)).toBe("VERSION_MISMATCH");
    expect(errorMetadata(error)).toMatchObject({ current_version: newer.version, applied: "no" });
  });

  it("writes only what the mode and the preconditions allow, and nothing in a dry run", async () => {
    const { client } = setup;
    const input = { name: "korn", data: { name: "Korn" } };
    const update = client.write(Artist, input, { mode: WriteRequest_Mode.UPDATE });
    expect(errorReason(await rejection(update))).toBe("RESOURCE_NOT_FOUND");
    await client.write(Artist, input, { dryRun: true });
    expect(await client.find(Artist, input)).toBeUndefined();
    await client.write(Artist, input, { mode: WriteRequest_Mode.CREATE });
    const create = client.write(Artist, input, { mode: WriteRequest_Mode.CREATE });
    expect(errorReason(await rejection(create))).toBe("ALREADY_EXISTS");
  });

  it("owns what names an owner", async () => {
    const { resource: korn } = await writeArtist("korn");
    const { resource } = await setup.client.write(Album, {
      name: "issues",
      owner: korn.id,
      data: { title: "Issues" },
    });
    expect(resource.owner).toEqual(korn.id);
  });

  it("tells the version that an answer shows, for a mutation the one that it made", async () => {
    const seen: StorePosition[] = [];
    const onPosition = (position: StorePosition): number => seen.push(position);
    const { resource } = await setup.client.write(
      Artist,
      { name: "korn", data: { name: "Korn" } },
      { onPosition },
    );
    await setup.client.delete(Artist, { name: "korn" }, { onPosition });
    const { storeId, version } = setup.backend.position();
    expect(seen).toEqual([
      { storeId, version: resource.version },
      { storeId, version: String(version) },
    ]);
  });
});

describe("statuses", () => {
  const status = {
    key: "example.dev/tour",
    conditions: [{ type: "OnTour", state: Condition_State.TRUE, reason: "SUMMER" }],
  };

  it("are written under their key, for exactly this incarnation", async () => {
    const { resource } = await writeArtist("korn");
    const written = await setup.client.writeStatus(Artist, resource, {
      ...status,
      observedGeneration: resource.generation,
    });
    expect(written.status[status.key]?.conditions).toMatchObject(status.conditions);
    expect(written.generation).toBe(resource.generation);
    await setup.client.delete(Artist, { name: "korn" });
    await writeArtist("korn");
    const late = setup.client.writeStatus(Artist, resource, { ...status, observedGeneration: "" });
    expect(await rejection(late)).toBeDefined();
  });

  it("compare the version when asked to", async () => {
    const { resource } = await writeArtist("korn");
    await writeArtist("korn", "KoRn");
    const observed = { ...status, observedGeneration: resource.generation };
    await setup.client.writeStatus(Artist, resource, observed);
    const compared = setup.client.writeStatus(Artist, resource, observed, { compareVersion: true });
    expect(errorReason(await rejection(compared))).toBe("VERSION_MISMATCH");
  });
});

describe("deleting", () => {
  it("says whether it deleted, marked, or found nothing", async () => {
    const { client } = setup;
    await writeArtist("korn");
    expect(await client.delete(Artist, { name: "korn" })).toBe(DeleteResponse_Outcome.DELETED);
    expect(await client.delete(Artist, { name: "korn" })).toBe(DeleteResponse_Outcome.ABSENT);
    await client.write(Artist, {
      name: "held",
      metadata: { [FINALIZERS_KEY]: "tour" },
      data: { name: "Held" },
    });
    expect(await client.delete(Artist, { name: "held" })).toBe(DeleteResponse_Outcome.MARKED);
  });

  it("compares the version that it names", async () => {
    const { resource } = await writeArtist("korn");
    await writeArtist("korn", "KoRn");
    const stale = setup.client.delete(Artist, { name: "korn" }, { version: resource.version });
    expect(errorReason(await rejection(stale))).toBe("VERSION_MISMATCH");
  });
});

describe("the headers of a client", () => {
  it("go with its calls and its watches", async () => {
    const sent: string[] = [];
    setup.faults = { request: ({ method, header }) => void sent.push(`${method} ${header.get("x-secret")}`) };
    const client = setup.connect({ headers: { "x-secret": "open sesame" } });
    await client.find(Artist, { name: "korn" });
    for await (const item of client.watch(Artist)) if (item.kind === "endOfSnapshot") break;
    expect(sent).toEqual(["Read open sesame", "WatchList open sesame"]);
  });
});
