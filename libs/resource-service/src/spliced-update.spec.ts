import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { type Access, allowAll, anonymous, anonymousAuthenticator, type Authorizer } from "@trellis/authz";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  WriteRequest_Mode,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createRegistry, type Hooks, type Registration } from "@trellis/registry";
import { encodeCanonical, resourceType } from "@trellis/resource";
import { type StoredRecord, toVersion } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createVirtualClock } from "@trellis/testing";
import fc from "fast-check";

import type { Call } from "./call.ts";
import { createEnvironment } from "./environment.ts";
import type { Plan } from "./mutate.ts";
import { Patience } from "./patience.ts";
import { readPayload } from "./payload.ts";
import { keyOf, recordOf } from "./record.ts";
import { ServiceError } from "./service-error.ts";
import { planSpliced } from "./spliced-update.ts";
import { StateView } from "./state-view.ts";
import { defaultTenancyPolicy, type TenancyPolicy } from "./tenancy.ts";
import type { Known } from "./when-known.ts";
import { planDecoded } from "./write-update.ts";
import type { Writing } from "./writing.ts";

type ResourceInit = Exclude<MessageInitShape<typeof ResourceSchema>, { readonly $typeName: string }>;
type WriteResponse = ReturnType<Plan<unknown>["answer"]>;

const GENERATION = "01JDE6XJ4Z8Q6Z0000000000GG";
const UID = "01JDE6XJ4Z8Q6Z0000000000AA";
const album = resourceType(AlbumSchema);

/** All about an update that may have a say in what becomes of it. */
interface Case {
  readonly existing: ResourceInit;
  readonly input: ResourceInit;
  readonly groupVersion: string;
  readonly hooks: Hooks;
  readonly authorizer: Authorizer;
  readonly tenancy: TenancyPolicy;
  readonly inBinary: boolean;
  /** Whether the record says of its owner what its bytes say. */
  readonly isIndexed?: boolean;
  /** Metadata in the stored bytes that no writer of ours makes. */
  readonly foreign?: readonly number[];
}

const albumId = (groupVersion = "v2") => ({
  uid: UID,
  name: "issues",
  type: { group: "demo", groupVersion, kind: "Album" },
  tenancy: { partition: "default", namespace: "default" },
});
const owner = { ...albumId(), name: "owner" };
const dataOf = (title: string) => anyPack(AlbumSchema, create(AlbumSchema, { title }));

const PLAIN: Case = {
  existing: { metadata: { a: "b" }, data: dataOf("one") },
  input: { metadata: { b: "c" }, data: dataOf("two") },
  groupVersion: "v2",
  hooks: {},
  authorizer: allowAll,
  tenancy: defaultTenancyPolicy,
  inBinary: true,
};

/** How an update is planned: by splicing, and by way of the resources. */
const WAYS = { spliced: planSpliced, decoded: planDecoded } as const;

/** What is planned, and told then; or why nothing is. */
async function outcome(way: keyof typeof WAYS, one: Case): Promise<unknown> {
  const { existing, input, groupVersion, hooks, inBinary } = one;
  const registration: Registration = { type: album, hooks, description: "", system: false };
  const backend = createMemoryBackend({ clock: createVirtualClock(), random: () => 0.5 });
  const deps = { backend, registry: createRegistry(), authenticator: anonymousAuthenticator };
  const environment = createEnvironment(
    {
      ...deps,
      authorizer: one.authorizer,
      tenancy: one.tenancy,
      clock: createVirtualClock(),
      random: () => 0.5,
      ulid: () => GENERATION,
    },
    {},
  );
  const call = { identity: anonymous, inBinary, signal: new AbortController().signal } as unknown as Call;
  await backend.commit([{ kind: "put", key: UNIT, record: LIVE, preconditions: [] }]);
  const id = create(ResourceSchema, { id: { ...albumId(), uid: "" } }).id ?? (undefined as never);
  const key = keyOf(id);
  const held = recordOf(
    create(ResourceSchema, { ...existing, id: albumId(groupVersion), generation: "01G" }),
  );
  const { data: kept, ...rest } = existing;
  const foreign = Uint8Array.of(
    ...toBinary(
      ResourceSchema,
      create(ResourceSchema, { ...rest, id: albumId(groupVersion), generation: "01G" }),
    ),
    ...(one.foreign ?? []),
    ...toBinary(ResourceSchema, create(ResourceSchema, kept === undefined ? {} : { data: kept })),
  );
  const stored: StoredRecord = {
    ...held,
    ...(one.foreign === undefined ? {} : { bytes: foreign }),
    ...(one.isIndexed === false ? { owner: { key: UNIT, uid: "another" } } : {}),
    key,
    version: toVersion(7),
  };
  const sent = create(ResourceSchema, input);
  const writing: Writing = {
    environment,
    call,
    view: new StateView(environment, new Patience(call, false)),
    target: { registration, id, key, units: { partition: "default", namespace: "default" } },
    input: sent,
    payload: readPayload(album, sent.data),
    mode: WriteRequest_Mode.UNSPECIFIED,
    checks: () => [],
    path: "resource",
  };
  let planning: Known<Plan<unknown>> | undefined;
  try {
    planning = WAYS[way](writing, stored);
    if (planning === undefined) return undefined;
    const { operations, answer } = told(await planning);
    return { operations, answer };
  } catch (error) {
    if (!ServiceError.is(error)) throw error;
    return { failure: error.failure };
  } finally {
    await backend.close();
  }
}

function told(plan: Plan<unknown>) {
  const answers = [toVersion(8), undefined].map((version) => plan.answer(version) as never);
  return {
    operations: plan.operations.map(({ operation }) => operation),
    answer: answers.map((answer: WriteResponse) => encodeCanonical(WriteResponseSchema, answer as never)),
  };
}

const seldom = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(usual, ...others) },
  );
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.string({ minLength: 120, maxLength: 200 }),
);
const metadata = fc
  .tuple(
    fc.dictionary(fc.oneof(text, fc.constantFrom("__proto__", "a")), text, { maxKeys: 3 }),
    seldom({}, { finalizers: "f g" }, { finalizers: "f" }, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
  )
  .map(([free, reserved]) => ({ ...free, ...reserved }));
const condition = fc.record({ type: text, state: fc.constantFrom(0, 1, 2), message: text });
const statuses = fc.dictionary(
  fc.oneof(text, fc.constantFrom("a", "b")),
  fc.record({ observedGeneration: text, conditions: fc.array(condition, { maxLength: 2 }) }),
  { maxKeys: 2 },
);
const data = seldom<ResourceInit["data"]>(
  dataOf("one"),
  dataOf("two"),
  dataOf(""),
  dataOf("é".repeat(100)),
  undefined,
);
const deny = { decision: "deny", reason: "because" } as const;
const authorizers: readonly Authorizer[] = [
  { decide: () => deny },
  { decide: () => Promise.resolve({ decision: "allow" }) },
  { decide: () => Promise.resolve(deny) },
  { decide: ({ resource }) => (resource?.metadata["a"] === undefined ? { decision: "allow" } : deny) },
  { decide: (access) => ({ decision: "deny", reason: JSON.stringify({ ...access }, asText) }) },
  { decide: () => ({ decision: "needsResource" }) },
];
const hooks: readonly Hooks[] = [
  { mutate: () => ({ metadata: { by: "hook" } }) },
  {
    validate: ({ next, previous }) => [
      { field: "data", description: JSON.stringify([next, previous], asText) },
    ],
  },
  { validate: () => [] },
  {
    validate: async ({ next }) => {
      delete (next.metadata as Record<string, string>)["a"];
      return [];
    },
  },
  {
    authorize: ({ next, previous }) => ({ allowed: false, reason: JSON.stringify([next, previous], asText) }),
  },
  { authorize: () => ({ allowed: true }) },
  { authorize: () => undefined },
];
const asText = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
const stateOf = (
  partition: "live" | "marked" | "absent",
  namespace: "live" | "marked" | "absent",
): TenancyPolicy => ({
  state: () => ({ partition, namespace }),
  guards: () => [],
});
/** A unit that is there, and has a guard. */
const UNIT = { group: "demo", kind: "Concept", partition: "default", namespace: "default", name: "default" };
const LIVE = { uid: "u", groupVersion: "v1", generation: "g", marked: false, bytes: new Uint8Array(1) };
const GUARDING: TenancyPolicy = {
  state: () => ({ partition: "live", namespace: "live" }),
  guards: () => [{ unit: "namespace", key: UNIT }],
};

const drawn: fc.Arbitrary<Case> = fc.record({
  existing: fc.record({
    metadata,
    status: statuses,
    data,
    owner: seldom<ResourceInit["owner"]>(undefined, owner),
  }),
  input: fc.record({
    metadata,
    status: fc.oneof({ weight: 5, arbitrary: fc.constant({}) }, statuses),
    data: seldom<ResourceInit["data"]>(dataOf("two"), dataOf("one"), dataOf(""), dataOf("é"), undefined),
    owner: seldom<ResourceInit["owner"]>(
      undefined,
      owner,
      { ...owner, uid: "", tenancy: {} },
      { ...owner, name: "b" },
    ),
    version: fc.constantFrom("", "7"),
  }),
  groupVersion: seldom("v2", "v1"),
  hooks: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, fc.constantFrom(...hooks)),
  authorizer: fc.oneof({ weight: 2, arbitrary: fc.constant(allowAll) }, fc.constantFrom(...authorizers)),
  tenancy: seldom(defaultTenancyPolicy, stateOf("marked", "live"), stateOf("live", "absent"), GUARDING),
  inBinary: fc.boolean(),
  isIndexed: seldom(true, false),
});

/** Most that are of an owner name it. */
const cases = fc.tuple(drawn, fc.boolean()).map(([one, isNamed]) => {
  const { existing, input } = one;
  return isNamed && existing.owner !== undefined
    ? { ...one, input: { ...input, owner: input.owner ?? owner } }
    : one;
});

describe("an update that is spliced", () => {
  it("is what it is by way of the resources, in what is committed, told and refused", async () => {
    let spliced = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const found = await outcome("spliced", one);
        if (found === undefined) return;
        spliced += 1;
        expect(found).toEqual(await outcome("decoded", one));
      }),
      { numRuns: 2_000 },
    );
    expect(spliced).toBeGreaterThan(400);
  });

  it("is most of them: whatever its texts, statuses and version, and whoever has a say", async () => {
    const { existing, input } = PLAIN;
    const more: Partial<Case>[] = [
      {},
      { inBinary: false },
      { input: { ...PLAIN.input, version: "7" } },
      { input: { ...PLAIN.input, metadata: { é: "ü" } } },
      { existing: { ...existing, owner }, input: { ...input, owner } },
      { existing: { ...existing, owner }, input: { ...input, owner: { ...owner, uid: "", tenancy: {} } } },
      { existing: { ...PLAIN.existing, metadata: {}, status: { s: { observedGeneration: "é" } } } },
      { hooks: { validate: () => [] } },
      { hooks: { authorize: () => undefined } },
      { authorizer: { decide: ({ resource }) => ({ decision: "deny", reason: String(resource?.id?.uid) }) } },
      { tenancy: stateOf("marked", "live") },
    ];
    for (const one of more) expect(await outcome("spliced", { ...PLAIN, ...one })).toBeDefined();
  });

  it("is none that is out of the ordinary", async () => {
    const { existing, input } = PLAIN;
    const odd: Partial<Case>[] = [
      { input: { ...input, data: dataOf("one") } },
      { input: { ...input, data: undefined } },
      { input: { ...input, owner } },
      { input: { ...input, status: { s: {} } } },
      { input: { ...input, metadata: { finalizers: "f" } } },
      { input: { ...input, metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } } },
      { existing: { ...existing, data: undefined } },
      { existing: { ...existing, data: { typeUrl: dataOf("").typeUrl } } },
      { existing: { ...existing, owner } },
      { existing: { ...existing, owner }, input: { ...input, owner: { ...owner, uid: "another" } } },
      { existing: { ...existing, owner }, input: { ...input, owner: { ...owner, name: "another" } } },
      { existing: { ...existing, metadata: { finalizers: "f" } } },
      { existing: { ...existing, metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } } },
      { groupVersion: "v1" },
      { hooks: { mutate: () => undefined } },
      // The last one of a field that comes twice counts.
      { foreign: [0x2a, 7, 0x0a, 1, 0x61, 0x0a, 2, 0x62, 0x63] },
      { foreign: [0x2a, 6, 0x0a, 1, 0x61, 0x12, 0, 0x08] },
      { foreign: [0x2a, 3, 0x0a, 1, 0x61] },
      { foreign: [0x2a, 2, 0x12, 0] },
    ];
    for (const one of odd) expect(await outcome("spliced", { ...PLAIN, ...one })).toBeUndefined();
  });

  it.each<[string, (access: Access) => Access]>([
    ["copies it", (access) => ({ ...access })],
    ["wraps it", (access) => new Proxy(access, {})],
    ["inherits from it", (access) => Object.create(access) as Access],
    ["freezes it", Object.freeze],
  ])("shows an authorizer the resource that %s first", async (_, view) => {
    const shown: unknown[] = [];
    const authorizer: Authorizer = {
      decide: (access) => {
        shown.push(view(access).resource?.id?.uid);
        return { decision: "allow" };
      },
    };
    expect(await outcome("spliced", { ...PLAIN, authorizer })).toHaveProperty("operations");
    expect(shown).toEqual([UID]);
  });

  it("takes an authorizer that puts something else into its question", async () => {
    const authorizer: Authorizer = {
      decide: (access) => {
        const own = access as { resource?: unknown };
        own.resource = "mine";
        expect(access.resource).toBe("mine");
        delete own.resource;
        expect(access).not.toHaveProperty("resource");
        return { decision: "allow" };
      },
    };
    expect(await outcome("spliced", { ...PLAIN, authorizer })).toHaveProperty("operations");
  });

  it("shows an authorizer that spreads its question the resource all the same", async () => {
    const shown: unknown[] = [];
    const authorizer: Authorizer = {
      decide: (access) => {
        const { resource } = { ...access };
        shown.push(resource?.metadata, resource?.id?.uid, resource?.data);
        return { decision: "allow" };
      },
    };
    await outcome("spliced", { ...PLAIN, authorizer });
    expect(shown).toEqual([PLAIN.input.metadata, UID, PLAIN.input.data]);
  });
});
