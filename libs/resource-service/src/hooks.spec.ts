import { create } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { defineDomain, on } from "@trellis/controller";
import type { Hooks } from "@trellis/registry";
import { type ArtistSchema, Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { errorViolations } from "@trellis/resource";

import {
  artist,
  Artist,
  expectError,
  expectNotApplied,
  type Fixture,
  granting,
  id,
  resource,
  restricted,
  stored,
  typeMessage,
  withFixture,
} from "./test-support/fixture.ts";

type ArtistHooks = Hooks<typeof ArtistSchema>;

/** Runs a test on a server on which artists have these hooks, and no others. */
async function withHooks(hooks: ArtistHooks, test: (fixture: Fixture) => Promise<void>): Promise<void> {
  await withFixture({ domains: [defineDomain({ types: [Artist], hooks: [on(Artist, hooks)] })] }, test);
}

/** An artist whose payload says that it is something else. */
function disguised() {
  const typeUrl = "type.googleapis.com/trellis.demo.v2.Album";
  const next = artist();
  next.data = create(AnySchema, { typeUrl, value: next.data?.value ?? new Uint8Array() });
  return next;
}

describe("a validate hook (C250)", () => {
  it("T377: gets the resource with its decoded payload, and what was stored", async () => {
    const seen: unknown[] = [];
    const validate: ArtistHooks["validate"] = ({ next, previous }) => {
      seen.push([next.id.name, next.id.tenancy?.partition, next.data.name, previous?.data.name]);
      return [];
    };
    await withHooks({ validate }, async ({ rpc }) => {
      await rpc.write({ resource: artist() });
      await rpc.write({ resource: resource(Artist, "korn", { name: "KoЯn" }) });
    });
    expect(seen).toEqual([
      ["korn", "default", "Korn", undefined],
      ["korn", "default", "KoЯn", "Korn"],
    ]);
  });

  it("T378, C253: has its violations told as it says them, all of them", async () => {
    const found = [
      { field: "data.name", description: "is taken" },
      { field: "metadata", description: "lacks a team" },
    ];
    await withHooks({ validate: async () => found }, async ({ rpc }) => {
      const call = rpc.write({ resource: artist() });
      const error = await expectNotApplied(call, Code.InvalidArgument, "INVALID_DATA", "is taken");
      expect(errorViolations(error)).toEqual(
        found.map(({ field, description }) => ({ field: `resource.${field}`, description })),
      );
    });
  });

  it("that finds nothing without saying so is a defect of its author, and lets nothing pass", async () => {
    for (const nothing of [undefined, null]) {
      const validate = (() => nothing) as unknown as NonNullable<ArtistHooks["validate"]>;
      await withHooks({ validate }, async ({ rpc }) => {
        const call = rpc.write({ resource: artist() });
        await expectNotApplied(call, Code.Internal, "HOOK_FAILED", "failed validate hook of demo.v2.Artist");
      });
    }
  });

  it("may hand on a copy of what it was given, with what was stored", async () => {
    const seen: unknown[] = [];
    const validate: ArtistHooks["validate"] = ({ ...copy }) => {
      seen.push("previous" in copy, copy.previous?.data.name);
      return [];
    };
    await withHooks({ validate }, async ({ rpc }) => {
      await rpc.write({ resource: artist() });
      await rpc.write({ resource: resource(Artist, "korn", { name: "KoЯn" }) });
    });
    expect(seen).toEqual([false, undefined, true, "Korn"]);
  });

  it("may spoil the metadata that it is given: what was sent is stored", async () => {
    const spoil = ({ next }: { readonly next: { readonly metadata: object } }): void =>
      void Object.assign(next.metadata, { spoilt: "yes" });
    const hooks: ArtistHooks = {
      mutate(input) {
        spoil(input);
        return undefined;
      },
      validate(input) {
        spoil(input);
        return [];
      },
      authorize({ next }) {
        if (next !== undefined) spoil({ next });
        return { allowed: true };
      },
    };
    await withHooks(hooks, async ({ rpc }) => {
      for (const name of ["Korn", "KoЯn"]) {
        const sent = resource(Artist, "korn", { name });
        sent.metadata = { kept: "yes" };
        const { resource: made } = await rpc.write({ resource: sent });
        expect(made?.metadata).toEqual({ kept: "yes" });
        expect((await rpc.read({ id: made?.id as never })).resource?.metadata).toEqual({ kept: "yes" });
      }
    });
  });

  it("may spoil the statuses that it is given: the update is judged by what is stored", async () => {
    const validate: ArtistHooks["validate"] = ({ next }) => {
      for (const key of Object.keys(next.status)) delete (next.status as Record<string, unknown>)[key];
      return [];
    };
    await withHooks({ validate }, async ({ rpc }) => {
      const { resource: made } = await rpc.write({ resource: artist() });
      await rpc.writeStatus({
        id: made?.id as never,
        key: "a",
        status: { observedGeneration: made?.generation as string },
      });
      const { resource: read } = await rpc.read({ id: made?.id as never });
      const changed = resource(Artist, "korn", { name: "KoЯn" });
      changed.status = { ...read?.status };
      expect((await rpc.write({ resource: changed })).resource?.generation).not.toBe(made?.generation);
    });
  });

  it("that throws is a defect of its author, not of the request", async () => {
    const validate = () => Promise.reject(new Error("secret"));
    await withHooks({ validate }, async ({ rpc }) => {
      const call = rpc.write({ resource: artist() });
      await expectNotApplied(call, Code.Internal, "HOOK_FAILED", "failed validate hook of demo.v2.Artist");
    });
  });

  it.each(["validate", "mutate", "authorize"] as const)(
    "T379, T383, T386: %s is not called for a payload of another type",
    async (name) => {
      let called = false;
      const hook = () => {
        called = true;
        return name === "validate" ? [] : undefined;
      };
      await withHooks({ [name]: hook } as ArtistHooks, async ({ rpc }) => {
        const call = rpc.write({ resource: disguised() });
        await expectNotApplied(
          call,
          Code.InvalidArgument,
          "WRONG_DATA_TYPE",
          "expects trellis.demo.v2.Artist",
        );
        expect(called).toBe(false);
      });
    },
  );
});

describe("a mutate hook (C250)", () => {
  it("T380: that changes what it was given and returns nothing changes nothing", async () => {
    const mutate: ArtistHooks["mutate"] = ({ next }) => {
      next.data.name = "changed";
      return undefined;
    };
    await withHooks({ mutate }, async ({ rpc }) => {
      const { data } = await stored(rpc.write({ resource: artist() }));
      expect(data).toEqual(artist().data);
    });
  });

  it("T381: has what it returns stored: data, metadata, owner", async () => {
    const mutate: ArtistHooks["mutate"] = ({ next }) => ({
      data: { ...next.data, genre: Genre.SKA },
      metadata: { ...next.metadata, by: "hook" },
      owner: id(Artist, "label") as never,
    });
    await withHooks(
      { mutate: (input) => (input.next.id.name === "korn" ? mutate(input) : undefined) },
      async ({ rpc }) => {
        const owner = await stored(rpc.write({ resource: artist("label") }));
        const korn = await stored(rpc.write({ resource: artist("korn", { metadata: { a: "b" } }) }));
        expect(korn.data && anyUnpack(korn.data, Artist.schema)?.genre).toBe(Genre.SKA);
        expect([korn.metadata, korn.owner]).toEqual([{ a: "b", by: "hook" }, owner.id]);
      },
    );
  });

  it("T382: that throws is a defect of its author", async () => {
    const mutate = () => Promise.reject(new Error("secret"));
    await withHooks({ mutate }, async ({ rpc }) => {
      const call = rpc.write({ resource: artist() });
      await expectNotApplied(call, Code.Internal, "HOOK_FAILED", "failed mutate hook of demo.v2.Artist");
    });
  });

  it("cannot create what is marked for deletion already", async () => {
    const mutate = () => ({ metadata: { deletionTimestamp: "" } });
    await withHooks({ mutate }, async ({ rpc }) => {
      await expectNotApplied(rpc.write({ resource: artist() }), Code.InvalidArgument, "DELETION_RULE");
    });
  });
});

describe("an authorize hook (C250)", () => {
  const allow = () => ({ allowed: true }) as const;
  const deny = () => ({ allowed: false, reason: "not on a Monday" }) as const;

  it("T384: of a write gets verb, caller, and the resource with its payload, and may allow", async () => {
    const seen: unknown[] = [];
    const authorize: ArtistHooks["authorize"] = ({ verb, caller, next, previous }) => {
      seen.push([verb, caller, next?.data.name, previous?.data.name]);
      return allow();
    };
    await withHooks({ authorize }, async ({ rpc }) => {
      await rpc.write({ resource: artist() });
    });
    expect(seen).toEqual([["write", { name: "anonymous", system: false }, "Korn", undefined]]);
  });

  it("T385: of a write may deny", async () => {
    await withHooks({ authorize: deny }, async ({ rpc }) => {
      const call = rpc.write({ resource: artist() });
      await expectNotApplied(call, Code.PermissionDenied, "PERMISSION_DENIED", "not on a Monday");
    });
  });

  it("that denies without a reason denies, whatever the authorizer would say", async () => {
    const authorize = (() => ({ allowed: false })) as unknown as NonNullable<ArtistHooks["authorize"]>;
    await withHooks({ authorize }, async ({ rpc }) => {
      await expectError(rpc.write({ resource: artist() }), Code.PermissionDenied, "PERMISSION_DENIED");
    });
  });

  it("T387, T388: of a read gets the resource, and allows or denies, whatever the authorizer would say", async () => {
    const authorize: ArtistHooks["authorize"] = ({ verb, next }) =>
      verb === "read" && next?.metadata["secret"] === "yes" ? deny() : allow();
    const types = { types: [Artist], hooks: [on(Artist, { authorize })] };
    await withFixture({ domains: [defineDomain(types)], authorizer: granting() }, async ({ rpc }) => {
      await rpc.write({ resource: artist("open") });
      await rpc.write({ resource: artist("closed", { metadata: { secret: "yes" } }) });
      expect((await stored(rpc.read({ id: id(Artist, "open") }))).id.name).toBe("open");
      const call = rpc.read({ id: id(Artist, "closed") });
      await expectError(call, Code.PermissionDenied, "PERMISSION_DENIED", "not on a Monday");
      const { resources } = await rpc.list({ type: typeMessage(Artist), tenancy: {} });
      expect(resources.map((found) => found.id?.name)).toEqual(["open"]);
    });
  });

  it("T389: of a read of a payload that cannot be decoded gets no resource", async () => {
    const seen: unknown[] = [];
    const authorize: ArtistHooks["authorize"] = ({ verb, next }) => {
      if (verb === "read") seen.push(next);
      return deny();
    };
    await withFixture({}, async ({ server }) => {
      const { backend } = server;
      const key = { group: "demo", kind: "Artist", partition: "default", namespace: "default", name: "korn" };
      await restricted({ server } as Fixture, "write demo.v2.Artist").write({ resource: artist() });
      const { record } = await backend.read(key);
      if (record === undefined) throw new Error("nothing was stored");
      const bytes = Buffer.from(
        Buffer.from(record.bytes).toString("latin1").replace("v2.Artist\x12", "v2.Nobody\x12"),
        "latin1",
      );
      await backend.commit([{ kind: "put", key, record: { ...record, bytes }, preconditions: [] }]);
      const domain = defineDomain({ types: [Artist], hooks: [on(Artist, { authorize })] });
      await withFixture({ backend, domains: [domain] }, async ({ rpc }) => {
        const call = rpc.read({ id: id(Artist, "korn") });
        await expectError(call, Code.PermissionDenied, "PERMISSION_DENIED");
        expect(seen).toEqual([undefined]);
      });
    });
  });

  it("T390: of a read is not called without a resource", async () => {
    let called = false;
    const authorize: ArtistHooks["authorize"] = () => {
      called = true;
      return deny();
    };
    await withHooks({ authorize }, async ({ rpc }) => {
      await expectError(rpc.read({ id: id(Artist, "absent") }), Code.NotFound, "RESOURCE_NOT_FOUND");
      expect(called).toBe(false);
    });
  });

  it("that throws is a defect of its author", async () => {
    const authorize = () => Promise.reject(new Error("secret"));
    await withHooks({ authorize }, async ({ rpc }) => {
      const call = rpc.write({ resource: artist() });
      await expectNotApplied(call, Code.Internal, "HOOK_FAILED", "failed authorize hook");
    });
  });
});

describe("an authorizer that needs the resource of a read (C250)", () => {
  const needing = (answer: "allow" | "deny") => ({
    decide: ({ verb, resource: subject }: { verb: string; resource?: unknown }) => {
      if (verb !== "read") return { decision: "allow" } as const;
      if (subject === undefined) return { decision: "needsResource" } as const;
      return answer === "allow"
        ? ({ decision: "allow" } as const)
        : ({ decision: "deny", reason: "no" } as const);
    },
  });

  it.each([
    ["T391", "allow"],
    ["T392", "deny"],
  ] as const)("%s: decides with it: %s", async (_, answer) => {
    await withFixture({ authorizer: needing(answer) }, async ({ rpc }) => {
      await rpc.write({ resource: artist() });
      const call = rpc.read({ id: id(Artist, "korn") });
      if (answer === "allow") expect((await stored(call)).id.name).toBe("korn");
      else await expectError(call, Code.PermissionDenied, "PERMISSION_DENIED");
    });
  });

  it("T393: has nothing to decide without it", async () => {
    await withFixture({ authorizer: needing("deny") }, async ({ rpc }) => {
      await expectError(rpc.read({ id: id(Artist, "absent") }), Code.NotFound, "RESOURCE_NOT_FOUND");
    });
  });
});

describe("a type without hooks", () => {
  const domains = [defineDomain({ types: [Artist] })];
  const request = { type: typeMessage(Artist), tenancy: {} };

  it("T346, T348, T350: leaves reading, writing and listing to the authorizer, which allows", async () => {
    const authorizer = granting("read demo.v2.Artist", "write demo.v2.Artist", "list demo.v2.Artist");
    await withFixture({ domains, authorizer }, async ({ rpc }) => {
      await rpc.write({ resource: artist() });
      await rpc.read({ id: id(Artist, "korn") });
      expect((await rpc.list(request)).resources).toHaveLength(1);
    });
  });

  it("T347, T349, T351: leaves reading, writing and listing to the authorizer, which denies", async () => {
    await withFixture({ domains, authorizer: granting() }, async ({ rpc }) => {
      for (const call of [
        rpc.read({ id: id(Artist, "korn") }),
        rpc.write({ resource: artist() }),
        rpc.list(request),
      ])
        await expectError(call, Code.PermissionDenied, "PERMISSION_DENIED");
    });
  });

  it("T352, T353: takes every payload as it is, also none", async () => {
    await withFixture({ domains }, async ({ rpc }) => {
      for (const next of [resource(Artist, "empty", {}), resource(Artist, "none")])
        expect((await stored(rpc.write({ resource: next }))).data).toEqual(next.data);
    });
  });
});

describe("the typed client", () => {
  it("T415, C244: finds nothing where there is nothing", async () => {
    await withFixture({}, async ({ server }) => {
      expect(await server.client.find(Artist, { name: "absent" })).toBeUndefined();
    });
  });

  it("T416, C244: decodes what is stored, the type's mutation included", async () => {
    await withFixture({}, async ({ server }) => {
      await server.client.write(Artist, { name: "korn", data: { name: "Korn" } });
      const found = await server.client.find(Artist, { name: "korn" });
      expect(found?.data).toMatchObject({ name: "Korn", genre: Genre.DISCO });
    });
  });
});
