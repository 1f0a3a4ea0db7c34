import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { anonymous, type Identity } from "@trellis/authz";
import { systemClock } from "@trellis/resource";
import { createMemoryBackend } from "@trellis/storage-memory";

import {
  artist,
  Artist,
  ArtistV1,
  createFixture,
  Executive,
  expectError,
  expectInvalid,
  type Fixture,
  id,
  label,
  Label,
  LONG,
  restricted,
  stored,
  tenancyOf,
  typeMessage,
  ULID,
  withFixture,
} from "./test-support/fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = createFixture();
});
afterEach(() => fixture.server.close());

const MODES = ["eventual", "strong"];
const korn = id(Artist, "korn");
const inUnits = (units: { partition?: string; namespace?: string }, type = Artist, name = "korn") =>
  id(type, name, { tenancy: units });

describe("a read's request", () => {
  it.each([
    ["T001: has no id", undefined, "id", "is required"],
    ["T002: has no type", { name: "korn" }, "id.type", "is required"],
    ["T003: has an empty name", id(Artist, ""), "id.name", "invalid"],
    ["T004: has a name in mixed case", id(Artist, "MixedCaseNotAllowed"), "id.name", "invalid"],
    ["T005: has a long name", id(Artist, LONG), "id.name", "invalid"],
    [
      "T006: has a partition in mixed case",
      inUnits({ partition: "Default" }),
      "id.tenancy.partition",
      "invalid",
    ],
    ["T007: has a long partition", inUnits({ partition: LONG }), "id.tenancy.partition", "invalid"],
    [
      "T008: has a namespace in mixed case",
      inUnits({ namespace: "Default" }),
      "id.tenancy.namespace",
      "invalid",
    ],
    ["T009: has a long namespace", inUnits({ namespace: LONG }), "id.tenancy.namespace", "invalid"],
    ["T042: has a wildcard", inUnits({ partition: "*" }), "id.tenancy.partition", "invalid"],
  ])("is refused: %s", async (_, target, field, words) => {
    await expectInvalid(fixture.rpc.read(target === undefined ? {} : { id: target }), field, words);
  });

  it.each([
    [
      "T010: a namespace for a partition-scoped type",
      id(Label, "looney-tunes", { tenancy: { namespace: "default" } }),
      "id.tenancy.namespace",
      "cannot have a namespace",
    ],
    [
      "T011: a partition for a cluster-scoped type",
      id(Executive, "boss", { tenancy: { partition: "default" } }),
      "id.tenancy.partition",
      "cannot have a partition",
    ],
    [
      "T012: a namespace for a cluster-scoped type",
      id(Executive, "boss", { tenancy: { namespace: "default" } }),
      "id.tenancy.namespace",
      "cannot have a namespace",
    ],
  ])("is refused: %s", async (_, target, field, words) => {
    await expectInvalid(fixture.rpc.read({ id: target }), field, words, "WRONG_SCOPE");
  });

  it("names all that is wrong at once", async () => {
    const wrong = () => fixture.rpc.read({ id: { name: "UPPER", tenancy: { partition: "*" } } });
    for (const field of ["id.type", "id.name", "id.tenancy.partition"]) await expectInvalid(wrong(), field);
  });
});

describe("a read", () => {
  it("T013: of an unknown type says which", async () => {
    await withFixture({ domains: [] }, async ({ rpc }) => {
      const words = "resource type demo.v2.Artist not registered";
      await expectInvalid(rpc.read({ id: korn }), "id.type", words, "TYPE_NOT_REGISTERED");
    });
  });

  it("T014, T015: in a version that cannot show it says which one can, in both modes", async () => {
    await fixture.rpc.write({ resource: artist() });
    for (const consistency of MODES) {
      const headers = { "trellis-consistency": consistency };
      await expectInvalid(
        fixture.rpc.read({ id: id(ArtistV1, "korn") }, { headers }),
        "id.type.group_version",
        "resource was requested with GroupVersion=v1",
        "GROUP_VERSION_MISMATCH",
      );
    }
  });

  it.each([
    ["T016: full", { partition: "default", namespace: "default" }],
    ["T017: no partition", { namespace: "default" }],
    ["T018: no namespace", { partition: "default" }],
    ["T019: blank", {}],
    ["T020: absent", undefined],
  ])("finds a namespaced resource whatever is left to the default, in both modes: %s", async (_, tenancy) => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    await fixture.rpc.write({ resource: label() });
    for (const consistency of MODES) {
      const headers = { "trellis-consistency": consistency };
      const found = await stored(fixture.rpc.read({ id: id(Artist, "korn", { tenancy }) }, { headers }));
      expect(found).toEqual(written);
    }
  });

  it.each([
    ["T021: full", { partition: "default" }],
    ["T022: blank", {}],
    ["T023: absent", undefined],
  ])("finds a partition-scoped resource, in both modes: %s", async (_, tenancy) => {
    const written = await stored(fixture.rpc.write({ resource: label() }));
    for (const consistency of MODES) {
      const headers = { "trellis-consistency": consistency };
      const target = id(Label, "looney-tunes", { tenancy });
      expect(await stored(fixture.rpc.read({ id: target }, { headers }))).toEqual(written);
    }
  });

  it("T032, T033: pins an incarnation by its uid", async () => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    const other = id(Artist, "korn", { uid: ULID });
    await expectError(fixture.rpc.read({ id: other }), Code.NotFound, "RESOURCE_NOT_FOUND");
    const same = id(Artist, "korn", { uid: written.id.uid });
    expect(await stored(fixture.rpc.read({ id: same }))).toEqual(written);
  });

  it("T034: of another incarnation in another group version finds nothing", async () => {
    await fixture.rpc.write({ resource: artist() });
    const other = id(ArtistV1, "korn", { uid: ULID });
    await expectError(fixture.rpc.read({ id: other }), Code.NotFound, "RESOURCE_NOT_FOUND");
  });

  it.each([
    ["T035: partition", { partition: "nowhere" }, "PARTITION_NOT_FOUND", "partition not found"],
    ["T036: namespace", { namespace: "nowhere" }, "NAMESPACE_NOT_FOUND", "namespace not found"],
  ])("in an unknown tenancy says which: %s", async (_, tenancy, reason, words) => {
    await expectError(fixture.rpc.read({ id: inUnits(tenancy) }), Code.NotFound, reason, words);
  });

  it("T041: of which the tenancy cannot be judged fails, and tells nothing of why", async () => {
    const tenancy = { state: () => Promise.reject(new Error("secret")), guards: () => [] };
    await withFixture({ tenancy }, async ({ rpc }) => {
      const error = await expectError(rpc.read({ id: korn }), Code.Internal, "INTERNAL");
      expect(error.rawMessage).not.toContain("secret");
    });
  });
});

describe("a read through a server that has not heard of the tenancy yet", () => {
  it("shows what is there, which proves it, and says of what is not that its tenancy is missing", async () => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const tenancy = { partition: "default", namespace: "ns1" };
    await withFixture({ backend, tenancy: tenancyOf() }, async ({ rpc }) => {
      await rpc.write({ resource: artist("korn", { tenancy }) });
      const late = createFixture({ backend, tenancy: tenancyOf({ "default/ns1": "absent" }) });
      const { resource: found } = await late.rpc.read({ id: id(Artist, "korn", { tenancy }) });
      expect(found?.id?.tenancy?.namespace).toBe("ns1");
      const missing = late.rpc.read({ id: id(Artist, "muse", { tenancy }) });
      await expectError(missing, Code.NotFound, "NAMESPACE_NOT_FOUND");
    });
  });
});

describe("a read's consistency", () => {
  it.each([
    ["T024: eventual by default", {}, "eventual"],
    ["T025: strong when asked", { "trellis-consistency": "strong" }, "strong"],
  ])("reaches storage: %s", async (_, headers, expected) => {
    const backend = createMemoryBackend({ clock: systemClock, random: Math.random });
    const asked: unknown[] = [];
    const read: typeof backend.read = (key, options) => {
      asked.push(options?.consistency);
      return backend.read(key, options);
    };
    await withFixture({ backend: { ...backend, read, readNow: undefined } }, async ({ rpc }) => {
      await rpc.read({ id: korn }, { headers }).catch(() => undefined);
      expect(asked).toEqual([expected]);
    });
  });

  it("T038: is refused where it is neither, rather than taken for eventual", async () => {
    for (const consistency of ["Consistent", "foo"]) {
      const headers = { "trellis-consistency": consistency };
      await expectInvalid(fixture.rpc.read({ id: korn }, { headers }), "header trellis-consistency");
    }
  });
});

describe("a read's caller", () => {
  it("T026, T027: is denied without the right, whether or not there is something to read", async () => {
    const rpc = restricted(fixture, "read demo.v1.Artist");
    await expectError(rpc.read({ id: korn }), Code.PermissionDenied, "PERMISSION_DENIED");
    await fixture.rpc.write({ resource: artist() });
    await expectError(rpc.read({ id: korn }), Code.PermissionDenied, "PERMISSION_DENIED", "lacks permission");
  });

  it("T028, T029: reads with the right", async () => {
    const rpc = restricted(fixture, "read demo.v2.Artist");
    await expectError(rpc.read({ id: korn }), Code.NotFound, "RESOURCE_NOT_FOUND");
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    expect(await stored(rpc.read({ id: korn }))).toEqual(written);
  });

  it("T030, T031: is judged by the resource, where the type's hook needs it", async () => {
    const rpc = restricted(fixture);
    const target = id(Label, "looney-tunes");
    await expectError(rpc.read({ id: target }), Code.NotFound, "RESOURCE_NOT_FOUND");
    await fixture.rpc.write({ resource: label() });
    await expectError(rpc.read({ id: target }), Code.PermissionDenied, "PERMISSION_DENIED");
  });

  it("is judged by the resource, where the authorizer needs it", async () => {
    const asked = createFixture({
      backend: fixture.server.backend,
      authorizer: {
        decide: ({ resource: subject }) =>
          subject === undefined ? { decision: "needsResource" } : { decision: "deny", reason: "seen it" },
      },
    });
    await expectError(asked.rpc.read({ id: korn }), Code.NotFound, "RESOURCE_NOT_FOUND");
    await fixture.rpc.write({ resource: artist() });
    await expectError(asked.rpc.read({ id: korn }), Code.PermissionDenied, "PERMISSION_DENIED", "seen it");
  });

  it("T037: is denied before it learns which tenancies there are", async () => {
    const read = restricted(fixture).read({ id: inUnits({ partition: "nowhere" }) });
    await expectError(read, Code.PermissionDenied, "PERMISSION_DENIED");
  });

  it("T039: who cannot be found out gets an internal error", async () => {
    const authenticator = { authenticate: () => Promise.reject(new Error("secret")) };
    await withFixture({ authenticator }, async ({ rpc }) => {
      const error = await expectError(rpc.read({ id: korn }), Code.Internal, "INTERNAL");
      expect(error.rawMessage).not.toContain("secret");
    });
  });

  it("T040: whose right cannot be judged gets an internal error", async () => {
    const authorizer = { decide: () => Promise.reject(new Error("secret")) };
    await withFixture({ authorizer }, async ({ rpc }) => {
      const error = await expectError(rpc.read({ id: korn }), Code.Internal, "HOOK_FAILED", "authorizer");
      expect(error.rawMessage).not.toContain("secret");
    });
  });

  it("T043: is anonymous without credentials", async () => {
    const callers: Identity[] = [];
    const authorizer = {
      decide({ identity }: { identity: Identity }) {
        callers.push(identity);
        return { decision: "allow" } as const;
      },
    };
    await withFixture({ authorizer }, async ({ rpc }) => {
      await rpc.read({ id: korn }).catch(() => undefined);
      expect(callers).toEqual([anonymous]);
    });
  });
});

describe("what an answer shows", () => {
  it("stands in its headers: the store, and a version that is at least the resource's", async () => {
    const written = await stored(fixture.rpc.write({ resource: artist() }));
    let headers = new Headers();
    await fixture.rpc.read({ id: korn }, { onHeader: (received) => (headers = received) });
    expect(headers.get("trellis-store")).toBe(fixture.server.backend.position().storeId);
    expect(headers.get("trellis-version")).toBe(written.version);
  });

  it("stands in the headers of errors too", async () => {
    const { storeId, version } = fixture.server.backend.position();
    for (const target of [korn, id(Artist, "UPPER")]) {
      const error = await fixture.rpc
        .read({ id: target })
        .catch((thrown: unknown) => ConnectError.from(thrown));
      if (!(error instanceof ConnectError)) throw new Error("no error");
      expect([error.metadata.get("trellis-store"), error.metadata.get("trellis-version")]).toEqual([
        storeId,
        String(version),
      ]);
    }
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
      .read({ id: korn }, { headers, timeoutMs: 30 })
      .catch((thrown: unknown) => ConnectError.from(thrown).code);
    expect([Code.Unavailable, Code.DeadlineExceeded]).toContain(error);
  });

  it("is never of another store", async () => {
    const headers = { "trellis-store": ULID, "trellis-min-version": "5" };
    await expectError(fixture.rpc.read({ id: korn }, { headers }), Code.OutOfRange, "STORE_CHANGED");
  });

  it("is refused for a minimum that is no version", async () => {
    for (const [version, words] of [
      ["-1", "must be a decimal store version"],
      ["9007199254740992", "of at most 9007199254740991, found"],
      ["9".repeat(40), "of at most 9007199254740991, found"],
    ] as const) {
      const headers = { "trellis-min-version": version };
      await expectInvalid(fixture.rpc.read({ id: korn }, { headers }), "header trellis-min-version", words);
    }
  });
});
