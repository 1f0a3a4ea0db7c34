import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { expect } from "@jest/globals";
import demo from "@trellis/demo";
import {
  AlbumSchema as AlbumV1Schema,
  ArtistSchema as ArtistV1Schema,
  ConceptSchema,
  ExecutiveSchema,
  RecordLabelSchema,
} from "@trellis/protos/trellis/demo/v1/demo_pb";
import { AlbumSchema, ArtistSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { type ID, type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Authorizer } from "@trellis/authz";
import {
  errorApplied,
  errorReason,
  errorRetryAfterMs,
  errorViolations,
  resourceType,
  type ResourceType,
  typeNameText,
} from "@trellis/resource";
import { createTestServer, type TestServerOptions } from "@trellis/testing";

import type { TenancyPolicy, UnitState } from "../tenancy.ts";
import { createWireServer, type FixtureServer, wire } from "./wire-server.ts";

/** The types of the reference's tests. */
export const Artist = resourceType(ArtistSchema);
export const ArtistV1 = resourceType(ArtistV1Schema);
export const Album = resourceType(AlbumSchema);
export const AlbumV1 = resourceType(AlbumV1Schema);
export const Label = resourceType(RecordLabelSchema);
export const Executive = resourceType(ExecutiveSchema);
export const Concept = resourceType(ConceptSchema);

/** A server without controllers, and the methods as the protocol has them. */
export interface Fixture {
  readonly server: FixtureServer;
  readonly rpc: Rpc;
}

/** The methods as the protocol has them. */
export type Rpc = Client<typeof ResourceService>;

/** Starts a server with the demo types: in process, or over the wire where the run is one over the wire. */
export function createFixture(options: Partial<TestServerOptions> = {}): Fixture {
  const all = { domains: [demo], controllers: [], ...options };
  const server = wire === undefined ? createTestServer(all) : createWireServer(wire, all);
  return { server, rpc: createClient(ResourceService, server.transport) };
}

/** Runs a test on a server of its own. */
export async function withFixture(
  options: Partial<TestServerOptions>,
  test: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  const fixture = createFixture(options);
  try {
    await test(fixture);
  } finally {
    await fixture.server.close();
  }
}

/** Another server on the same store, whose caller has only the given rights (`read demo.v2.Artist`). */
export function restricted({ server }: Fixture, ...rights: readonly string[]): Rpc {
  return createFixture({ backend: server.backend, authorizer: granting(...rights) }).rpc;
}

/** Allows what is named (`read demo.v2.Artist`) and denies the rest. */
export function granting(...rights: readonly string[]): Authorizer {
  return {
    decide({ verb, type }) {
      const right = `${verb} ${typeNameText(type)}`;
      return rights.includes(right)
        ? { decision: "allow" }
        : { decision: "deny", reason: `lacks permission '${right}'` };
    },
  };
}

/** Partitions `ap1` and `ap2` beside the default one, each with namespace `ns1`; their units stand as told. */
export function tenancyOf(states: Readonly<Record<string, UnitState>> = {}): TenancyPolicy {
  const known: Readonly<Record<string, UnitState>> = {
    default: "live",
    "default/default": "live",
    "default/ns1": "live",
    ap1: "live",
    "ap1/ns1": "live",
    ap2: "live",
    "ap2/ns1": "live",
    ...states,
  };
  return {
    state: ({ partition, namespace }) => ({
      partition: partition === "" ? "live" : (known[partition] ?? "absent"),
      namespace: namespace === "" ? "live" : (known[`${partition}/${namespace}`] ?? "absent"),
    }),
    guards: () => [],
  };
}

/** What a resource is made from, beside its type and data. */
export interface Parts {
  readonly tenancy?: { readonly partition?: string; readonly namespace?: string } | undefined;
  readonly uid?: string;
  readonly version?: string;
  readonly generation?: string;
  readonly owner?: ID;
  readonly metadata?: Record<string, string>;
  readonly status?: Resource["status"];
}

/** The type as messages have it. */
export function typeMessage({ group, groupVersion, kind }: ResourceType): {
  group: string;
  groupVersion: string;
  kind: string;
} {
  return { group, groupVersion, kind };
}

/** An id as requests have it. */
export function id(type: ResourceType, name: string, parts: Parts = {}) {
  const { tenancy, uid = "" } = parts;
  return { type: typeMessage(type), name, uid, ...(tenancy === undefined ? {} : { tenancy }) };
}

/** A resource as requests have it. */
export function resource<Desc extends DescMessage>(
  type: ResourceType<Desc>,
  name: string,
  data?: MessageInitShape<Desc>,
  parts: Parts = {},
): Resource {
  const { version = "", generation = "", owner, metadata = {}, status = {} } = parts;
  return create(ResourceSchema, {
    id: id(type, name, parts),
    version,
    generation,
    metadata,
    status,
    ...(owner === undefined ? {} : { owner }),
    ...(data === undefined ? {} : { data: anyPack(type.schema, create(type.schema, data)) }),
  });
}

/** A valid artist. */
export function artist(name = "korn", parts: Parts = {}): Resource {
  return resource(Artist, name, { name: "Korn", genre: 4 }, parts);
}

/** A valid artist of the first version. */
export function artistV1(name = "korn", parts: Parts = {}): Resource {
  return resource(ArtistV1, name, { name: "Korn" }, parts);
}

/** A valid record label. */
export function label(name = "looney-tunes", parts: Parts = {}): Resource {
  return resource(Label, name, { name: "Looney Tunes" }, parts);
}

/** A valid executive. */
export function executive(name = "boss", parts: Parts = {}): Resource {
  return resource(Executive, name, { position: "Boss" }, parts);
}

/** A valid album. */
export function album(name = "issues", parts: Parts = {}): Resource {
  return resource(Album, name, { title: "Issues" }, parts);
}

/** The resource of an answer; fails the test when there is none. */
export async function stored(
  answer: Promise<{ resource?: Resource | undefined }>,
): Promise<Resource & { id: ID }> {
  const { resource: found } = await answer;
  if (found?.id === undefined) throw new Error("the answer has no resource");
  return found as Resource & { id: ID };
}

/** Expects a call to fail with a code and a reason, with some words in its message, and with the details that API.md §3 promises of every error. */
export async function expectError(
  call: Promise<unknown>,
  code: Code,
  reason: string,
  words = "",
): Promise<ConnectError> {
  const outcome = await call.then(
    (answer) => `no error, but ${String(answer)}`,
    (error: unknown) => ConnectError.from(error),
  );
  if (typeof outcome === "string") throw new Error(outcome);
  expect({ code: Code[outcome.code], reason: errorReason(outcome) }).toEqual({ code: Code[code], reason });
  expect(outcome.rawMessage).toContain(words);
  expect(errorViolations(outcome).length > 0).toBe(code === Code.InvalidArgument);
  const retryable = code === Code.Unavailable || code === Code.ResourceExhausted;
  expect(errorRetryAfterMs(outcome) !== undefined).toBe(retryable);
  return outcome;
}

/** Expects InvalidArgument that names a field. */
export async function expectInvalid(
  call: Promise<unknown>,
  field: string,
  words = "",
  reason = "INVALID_REQUEST",
): Promise<ConnectError> {
  const error = await expectError(call, Code.InvalidArgument, reason, words);
  expect(errorViolations(error).map((violation) => violation.field)).toContain(field);
  return error;
}

/** Expects a mutation to fail without effect. */
export async function expectNotApplied(call: Promise<unknown>, code: Code, reason: string, words = "") {
  const error = await expectError(call, code, reason, words);
  expect(errorApplied(error)).toBe("no");
  return error;
}

/** Headers of a deadline that only the server knows of, so that its own answer comes back rather than the client's. */
export function serverDeadline(timeoutMs: number): Record<string, string> {
  return { "connect-timeout-ms": `${timeoutMs}`, "grpc-timeout": `${timeoutMs}m` };
}

/** A uid or generation that nothing has. */
export const ULID = "01JDE6XJ4Z8Q6Z0000000000AA";

/** A name of 64 characters: one too many. */
export const LONG = "a".repeat(64);
