import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import {
  Artist,
  ArtistV1,
  Executive,
  Label,
  LONG,
  artist,
  createFixture,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  resource,
  stored,
  typeMessage,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

describe("a read's request", () => {
  it.each([
    ["T001: has no id", {}, "id", "is required"],
    ["T002: has no type", { id: { name: "korn" } }, "id.type", "is required"],
    ["T003: has an empty name", { id: id(Artist, "") }, "id.name", "invalid"],
    ["T004: has a name in mixed case", { id: id(Artist, "MixedCaseNotAllowed") }, "id.name", "invalid"],
    ["T005: has a long name", { id: id(Artist, LONG) }, "id.name", "invalid"],
    [
      "T006: has a partition in mixed case",
      { id: id(Artist, "korn", { tenancy: { partition: "Default" } }) },
      "id.tenancy",
      "invalid",
    ],
    [
      "T007: has a long partition",
      { id: id(Artist, "korn", { tenancy: { partition: LONG } }) },
      "id.tenancy",
      "invalid",
    ],
    [
      "T008: has a namespace in mixed case",
      { id: id(Artist, "korn", { tenancy: { namespace: "Default" } }) },
      "id.tenancy",
      "invalid",
    ],
    [
      "T009: has a long namespace",
      { id: id(Artist, "korn", { tenancy: { namespace: LONG } }) },
      "id.tenancy",
      "invalid",
    ],
    [
      "T042: has a wildcard",
      { id: id(Artist, "korn", { tenancy: { partition: "*" } }) },
      "id.tenancy",
      "invalid",
    ],
  ])("is refused: %s", async (_, request, field, words) => {
    await expectInvalid(fixture.rpc.read(request), field, words);
  });

  it.each([
    [
      "T010: a namespace for a partition-scoped type",
      id(Label, "looney-tunes", { tenancy: { namespace: "default" } }),
      "id.tenancy.namespace",
    ],
    [
      "T011: a partition for a cluster-scoped type",
      id(Executive, "boss", { tenancy: { partition: "default" } }),
      "id.tenancy.partition",
    ],
    [
      "T012: a namespace for a cluster-scoped type",
      id(Executive, "boss", { tenancy: { namespace: "default" } }),
      "id.tenancy.namespace",
    ],
  ])("is refused: %s", async (_, target, field) => {
    await expectInvalid(fixture.rpc.read({ id: target }), field, "cannot have a", "WRONG_SCOPE");
  });

  it("names all that is wrong at once", async () => {
    await expectInvalid(fixture.rpc.read({ id: { name: "UPPER", tenancy: { partition: "*" } } }), "id.type");
    await expectInvalid(fixture.rpc.read({ id: { name: "UPPER", tenancy: { partition: "*" } } }), "id.name");
  });
});

describe("a read", () => {
  it("T013: of an unknown type says which", async () => {
    const empty = createFixture({ domains: [] });
    await expectError(
      empty.rpc.read({ id: id(Artist, "korn") }),
      Code.InvalidArgument,
      "TYPE_NOT_REGISTERED",
      "resource type demo.v2.Artist not registered",
    );
    await empty.server.close();
  });

  it.each([
    ["T016: full", { partition: "default", namespace: "default" }],
    ["T017: no partition", { namespace: "default" }],
    ["T018: no namespace", { partition: "default" }],
    ["T019: blank", {}],
    ["T020: absent", undefined],
  ])("finds a namespaced resource whatever is left to the default: %s", async (_, tenancy) => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    for (const consistency of ["eventual", "strong"]) {
      const { resource: found } = await fixture.rpc.read(
        { id: id(Artist, "korn", { tenancy }) },
        { headers: { "trellis-consistency": consistency } },
      );
      expect(found).toEqual(written);
    }
  });

  it("T021, T022, T023: finds a partition-scoped resource", async () => {
    const written = await stored(
      fixture.rpc.write({ resource: resource(Label, "looney-tunes", { name: "Looney Tunes" }) }),
    );
    for (const tenancy of [{ partition: "default" }, {}, undefined]) {
      expect(await stored(fixture.rpc.read({ id: id(Label, "looney-tunes", { tenancy }) }))).toEqual(written);
    }
  });

  it("T032, T033: pins an incarnation by its uid", async () => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    await expectError(
      fixture.rpc.read({ id: id(Artist, "korn", { uid: "01JDE6XJ4Z8Q6Z0000000000AA" }) }),
      Code.NotFound,
      "RESOURCE_NOT_FOUND",
    );
    expect(await stored(fixture.rpc.read({ id: id(Artist, "korn", { uid: written.id.uid }) }))).toEqual(
      written,
    );
  });

  it("T034: of another incarnation in another group version finds nothing", async () => {
    await fixture.rpc.write({ resource: artist() });
    await expectError(
      fixture.rpc.read({ id: id(ArtistV1, "korn", { uid: "01JDE6XJ4Z8Q6Z0000000000AA" }) }),
      Code.NotFound,
      "RESOURCE_NOT_FOUND",
    );
  });

  it("T035, T036: in an unknown tenancy says which", async () => {
    await expectError(
      fixture.rpc.read({ id: id(Artist, "korn", { tenancy: { partition: "nowhere" } }) }),
      Code.NotFound,
      "PARTITION_NOT_FOUND",
      "partition not found",
    );
    await expectError(
      fixture.rpc.read({ id: id(Artist, "korn", { tenancy: { namespace: "nowhere" } }) }),
      Code.NotFound,
      "NAMESPACE_NOT_FOUND",
      "namespace not found",
    );
  });

  it("T037: without permission is denied before anything is told", async () => {
    const denied = createFixture({ authorizer: { decide: () => ({ decision: "deny", reason: "not you" }) } });
    await expectError(
      denied.rpc.read({ id: id(Artist, "korn", { tenancy: { partition: "nowhere" } }) }),
      Code.PermissionDenied,
      "PERMISSION_DENIED",
      "not you",
    );
    await denied.server.close();
  });

  it("T030, T031: with an authorizer that needs the resource, is judged by it", async () => {
    const asked = createFixture({
      authorizer: {
        decide: ({ verb, resource: subject }) => {
          if (verb !== "read") return { decision: "allow" };
          return subject === undefined
            ? { decision: "needsResource" }
            : { decision: "deny", reason: "seen it" };
        },
      },
    });
    await expectError(asked.rpc.read({ id: id(Artist, "korn") }), Code.NotFound, "RESOURCE_NOT_FOUND");
    await asked.rpc.write({ resource: artist() });
    await expectError(
      asked.rpc.read({ id: id(Artist, "korn") }),
      Code.PermissionDenied,
      "PERMISSION_DENIED",
      "seen it",
    );
    await asked.server.close();
  });
});

describe("what an answer shows", () => {
  it("stands in its headers: the store, and a version that is at least the resource's", async () => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    let headers = new Headers();
    await fixture.rpc.read({ id: id(Artist, "korn") }, { onHeader: (received) => (headers = received) });
    expect(headers.get("trellis-store")).toBe(fixture.server.backend.position().storeId);
    expect(headers.get("trellis-version")).toBe(written.version);
  });

  it("is at least as new as the request asks: it waits for it", async () => {
    const { storeId, version } = fixture.server.backend.position();
    const headers = { "trellis-store": storeId, "trellis-min-version": String(version + 1) };
    const waiting = fixture.rpc.list({ type: typeMessage(Artist), tenancy: {} }, { headers });
    await fixture.rpc.write({ resource: artist() });
    expect((await waiting).resources).toHaveLength(1);
  });

  it("does not come when it cannot be new enough in time", async () => {
    const headers = { "trellis-min-version": String(Number.MAX_SAFE_INTEGER) };
    const error = await fixture.rpc
      .read({ id: id(Artist, "korn") }, { headers, timeoutMs: 30 })
      .catch((thrown: unknown) => ConnectError.from(thrown).code);
    expect([Code.Unavailable, Code.DeadlineExceeded]).toContain(error);
  });

  it("is never of another store", async () => {
    const headers = { "trellis-store": "01JDE6XJ4Z8Q6Z0000000000AA", "trellis-min-version": "5" };
    await expectError(
      fixture.rpc.read({ id: id(Artist, "korn") }, { headers }),
      Code.OutOfRange,
      "STORE_CHANGED",
    );
  });

  it("is refused for headers that cannot be read", async () => {
    await expectInvalid(
      fixture.rpc.read({ id: id(Artist, "korn") }, { headers: { "trellis-consistency": "sometimes" } }),
      "header trellis-consistency",
    );
    await expectInvalid(
      fixture.rpc.read({ id: id(Artist, "korn") }, { headers: { "trellis-min-version": "-1" } }),
      "header trellis-min-version",
    );
  });
});
