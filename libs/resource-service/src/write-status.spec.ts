import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Condition_State, type ID, type Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import {
  artist,
  Artist,
  ArtistV1,
  createFixture,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  Label,
  LONG,
  resource,
  stored,
} from "./test-support/fixture.ts";

const ULID = "01JDE6XJ4Z8Q6Z0000000000AA";
const STATUS = { observedGeneration: ULID, conditions: [{ type: "Ready", state: Condition_State.TRUE }] };

let fixture: Fixture;
let korn: Resource & { id: ID };
beforeEach(async () => {
  fixture = createFixture();
  korn = await stored(fixture.rpc.write({ resource: artist() }));
});
afterEach(() => fixture.server.close());

describe("the request of a status write", () => {
  const right = () => ({ id: korn.id, key: "x.dev/y", status: STATUS });

  it.each([
    ["T149: has no id", { id: undefined }, "id", "is required"],
    ["T150: has no type", { id: { name: "korn", uid: ULID } }, "id.type", "is required"],
    ["T151: has an empty name", { id: id(Artist, "", { uid: ULID }) }, "id.name", "invalid"],
    ["T152: has no uid", { id: id(Artist, "korn") }, "id.uid", "is required"],
    ["T154: has a long name", { id: id(Artist, LONG, { uid: ULID }) }, "id.name", "invalid"],
    ["T159: has no key", { key: "" }, "key", "is required"],
    ["T160: has no status", { status: undefined }, "status", "is required"],
    ["T161: has no generation", { status: { conditions: [] } }, "status.observed_generation", "is required"],
    [
      "T162: has something else for a generation",
      { status: { observedGeneration: "bogus" } },
      "status.observed_generation",
      "is not valid",
    ],
    [
      "T163: has a condition without type",
      { status: { ...STATUS, conditions: [{}] } },
      "status.conditions[0].type",
      "is required",
    ],
    [
      "has a condition twice",
      { status: { ...STATUS, conditions: [{ type: "A" }, { type: "A" }] } },
      "status.conditions[1].type",
      "twice",
    ],
    [
      "T164: has a reference without type",
      { status: { ...STATUS, conditions: [{ type: "A", resource: { name: "x" } }] } },
      "status.conditions[0].resource.type",
      "is required",
    ],
    [
      "T167: has a reference with a wrong name",
      { status: { ...STATUS, conditions: [{ type: "A", resource: { name: "U2", type: {} } }] } },
      "status.conditions[0].resource.name",
      "invalid",
    ],
    [
      "T173: has a time",
      { status: { ...STATUS, updatedAt: { seconds: 1n } } },
      "status.updated_at",
      "automatically set",
    ],
    ["sets and removes at once", { remove: true }, "status", "must be absent"],
  ])("is refused: %s", async (_, wrong, field, words) => {
    await expectInvalid(fixture.rpc.writeStatus({ ...right(), ...wrong } as never), field, words);
  });

  it("T174: is refused for a namespace of a partition-scoped type", async () => {
    const target = id(Label, "looney-tunes", { uid: ULID, tenancy: { namespace: "bad" } });
    await expectInvalid(
      fixture.rpc.writeStatus({ ...right(), id: target }),
      "id.tenancy.namespace",
      "cannot have a namespace",
      "WRONG_SCOPE",
    );
  });
});

describe("a status write", () => {
  it("T178, T179: changes the version, not the generation, and keeps the statuses of other keys", async () => {
    const first = await stored(
      fixture.rpc.writeStatus({ id: korn.id, version: korn.version, key: "x.dev/a", status: STATUS }),
    );
    const second = await stored(fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/b", status: STATUS }));
    expect(second.generation).toBe(korn.generation);
    expect(Number(second.version)).toBeGreaterThan(Number(first.version));
    expect(Object.keys(second.status)).toEqual(["x.dev/a", "x.dev/b"]);
    expect(second.status["x.dev/b"]?.updatedAt).toBeDefined();
  });

  it("T180, T184: finds the resource whatever is left to the default", async () => {
    for (const tenancy of [{ partition: "default", namespace: "default" }, {}, undefined]) {
      const target = id(Artist, "korn", { uid: korn.id.uid, tenancy });
      expect(
        (await stored(fixture.rpc.writeStatus({ id: target, key: "x.dev/y", status: STATUS }))).status[
          "x.dev/y"
        ],
      ).toBeDefined();
    }
  });

  it("changes nothing when it says what is stored", async () => {
    await fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", status: STATUS });
    const before = fixture.server.backend.position();
    await fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", status: STATUS });
    expect(fixture.server.backend.position()).toEqual(before);
  });

  it("removes a key", async () => {
    await fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", status: STATUS });
    expect(
      (await stored(fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", remove: true }))).status,
    ).toEqual({});
  });

  it("T187: compares the version that it is given", async () => {
    await expectError(
      fixture.rpc.writeStatus({ id: korn.id, version: "1", key: "x.dev/y", status: STATUS }),
      Code.Aborted,
      "VERSION_MISMATCH",
    );
  });

  it("T189, T190: finds no other incarnation", async () => {
    await expectError(
      fixture.rpc.writeStatus({ id: id(Artist, "korn", { uid: ULID }), key: "x.dev/y", status: STATUS }),
      Code.NotFound,
      "RESOURCE_NOT_FOUND",
    );
    await expectError(
      fixture.rpc.writeStatus({ id: id(Artist, "muse", { uid: ULID }), key: "x.dev/y", status: STATUS }),
      Code.NotFound,
      "RESOURCE_NOT_FOUND",
    );
  });

  it("T192: replaces the whole status of its key", async () => {
    await fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", status: STATUS });
    const other = { observedGeneration: ULID, conditions: [{ type: "Other" }] };
    const written = await stored(fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", status: other }));
    expect(written.status["x.dev/y"]?.conditions.map(({ type }) => type)).toEqual(["Other"]);
  });

  it("T193: passes while the resource is being deleted", async () => {
    await fixture.rpc.write({ resource: artist("korn", { metadata: { finalizers: "f" } }) });
    await fixture.rpc.delete({ id: id(Artist, "korn") });
    expect(
      (await stored(fixture.rpc.writeStatus({ id: korn.id, key: "x.dev/y", status: STATUS }))).status,
    ).not.toEqual({});
  });

  it("T196: through a version of the group that cannot show the resource is refused", async () => {
    const empty = createFixture({ domains: [{ types: [Artist, ArtistV1], hooks: [], controllers: [] }] });
    const other = await stored(empty.rpc.write({ resource: resource(Artist, "korn", { name: "Korn" }) }));
    const target = id(ArtistV1, "korn", { uid: other.id.uid });
    await expectError(
      empty.rpc.writeStatus({ id: target, key: "x.dev/y", status: STATUS }),
      Code.InvalidArgument,
      "GROUP_VERSION_MISMATCH",
      "resource was requested with GroupVersion=v1",
    );
    await empty.server.close();
  });
});
