import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import {
  CONSISTENCY_HEADER,
  errorReason,
  MIN_VERSION_HEADER,
  STORE_HEADER,
  VERSION_HEADER,
} from "@trellis/resource";
import { createTestServer, seededRandom } from "@trellis/testing";

import { Mark } from "./mark.ts";
import { Artist, createSetup, failure } from "./test-support/setup.ts";

const at = (storeId: string, version: string | number) => ({ storeId, version: String(version) });
const headers = (storeId: string, version: string | number): Headers =>
  new Headers({ [STORE_HEADER]: storeId, [VERSION_HEADER]: String(version) });
function sent(mark: Mark, init: Record<string, string> = {}): Record<string, string> {
  const asked = new Headers(init);
  mark.send(asked);
  return Object.fromEntries(asked);
}
function changed(told?: Headers): ConnectError {
  const error = failure("STORE_CHANGED");
  for (const [name, value] of told ?? []) error.metadata.set(name, value);
  return error;
}

describe("the mark", () => {
  it("asks for nothing before something was seen, then for the newest, compared as numbers", () => {
    const mark = new Mark();
    expect(sent(mark)).toEqual({});
    for (const version of [9, 10, 8]) mark.note(headers("a", version));
    expect(sent(mark)).toEqual({ [STORE_HEADER]: "a", [MIN_VERSION_HEADER]: "10" });
  });

  it("learns from errors too, and not from answers without a position", () => {
    const mark = new Mark();
    mark.note(new Headers({ [VERSION_HEADER]: "7" }));
    expect(mark.seen).toBeUndefined();
    mark.noteError(new ConnectError("gone", Code.NotFound, headers("a", 7)));
    mark.noteError(new Error("no error of a call"));
    expect(mark.seen).toEqual(at("a", 7));
  });

  it("leaves alone a call that says itself what it wants, and one that is strong", () => {
    const mark = new Mark();
    mark.advance(at("a", 7));
    const own = { [MIN_VERSION_HEADER]: "3" };
    expect(sent(mark, own)).toEqual(own);
    expect(sent(mark, { [CONSISTENCY_HEADER]: "strong" })).toEqual({ [CONSISTENCY_HEADER]: "strong" });
    expect(sent(mark, { [CONSISTENCY_HEADER]: "eventual" })).toMatchObject({ [MIN_VERSION_HEADER]: "7" });
  });

  it("moves to a new store whatever its versions, and takes no late answer of the former one for news", () => {
    const mark = new Mark();
    mark.advance(at("a", 100));
    mark.note(headers("b", 5));
    mark.note(headers("a", 101));
    expect(mark.seen).toEqual(at("b", 5));
    mark.note(headers("b", 6));
    expect(mark.seen).toEqual(at("b", 6));
  });

  it("moves on STORE_CHANGED to the store that says so, even back", () => {
    const mark = new Mark();
    mark.advance(at("a", 100));
    expect(mark.noteError(changed(headers("b", 5)))).toBe(true);
    expect(mark.seen).toEqual(at("b", 5));
    expect(mark.noteError(changed(headers("a", 100)))).toBe(true);
    expect(mark.seen).toEqual(at("a", 100));
  });

  it("forgets on STORE_CHANGED from nobody knows which store", () => {
    const mark = new Mark();
    mark.advance(at("a", 100));
    expect(mark.noteError(changed())).toBe(true);
    expect(sent(mark)).toEqual({});
  });

  it("stays when something else than itself was of another store, a page token for instance", () => {
    const mark = new Mark();
    mark.advance(at("b", 5));
    expect(mark.noteError(changed(headers("b", 5)))).toBe(false);
    expect(mark.seen).toEqual(at("b", 5));
  });
});

describe("a client's mark", () => {
  it("goes with every call: what was written is asked for", async () => {
    const setup = createSetup();
    const asked: (string | null)[] = [];
    setup.faults = { request: ({ header }) => void asked.push(header.get(MIN_VERSION_HEADER)) };
    const { resource } = await setup.client.write(Artist, { name: "korn", data: { name: "Korn" } });
    await setup.client.read(Artist, { name: "korn" });
    await setup.connect().read(Artist, { name: "korn" });
    expect(asked).toEqual([null, resource.version, null]);
    await setup.close();
  });

  it("waits for a replica that is behind, by the server's answer, within the deadline", async () => {
    const setup = createSetup();
    await setup.client.write(Artist, { name: "korn", data: { name: "Korn" } });
    let behind = 3;
    setup.faults = {
      request() {
        behind -= 1;
        if (behind >= 0) throw failure("VERSION_NOT_REACHED", undefined, 100);
      },
    };
    const read = setup.client.read(Artist, { name: "korn" });
    await setup.clock.advance(10_000);
    expect((await read).data.name).toBe("Korn");
    await setup.close();
  });

  it("does not stand in the way after the store was replaced: reads go on at once", async () => {
    const setup = createSetup();
    const restored = createTestServer({
      domains: [demo],
      controllers: [],
      clock: setup.clock,
      random: seededRandom(99),
    });
    await setup.client.write(Artist, { name: "korn", data: { name: "Korn" } });
    await restored.client.write(Artist, { name: "korn", data: { name: "Restored" } });
    setup.reaches = restored;
    const read = setup.client.read(Artist, { name: "korn" });
    await setup.clock.flush();
    expect((await read).data.name).toBe("Restored");
    await restored.close();
    await setup.close();
  });

  it("does not repeat a write that names a version of the former store, which may be another's here by chance", async () => {
    const setup = createSetup();
    const restored = createTestServer({
      domains: [demo],
      controllers: [],
      clock: setup.clock,
      random: seededRandom(99),
    });
    const { resource: former } = await setup.client.write(Artist, { name: "korn", data: { name: "Korn" } });
    const { resource: other } = await restored.client.write(Artist, {
      name: "korn",
      data: { name: "Other" },
    });
    expect(other.version).toBe(former.version);
    setup.reaches = restored;
    const { version } = former;
    const write = setup.client.write(Artist, { name: "korn", version, data: { name: "Korn again" } });
    const reason = write.then(
      () => "none",
      (error: unknown) => errorReason(error),
    );
    await setup.clock.flush();
    expect(await reason).toBe("STORE_CHANGED");
    expect((await restored.client.read(Artist, { name: "korn" })).data.name).toBe("Other");
    await restored.close();
    await setup.close();
  });
});
