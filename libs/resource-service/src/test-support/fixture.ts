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
import { errorReason, errorViolations, resourceType, type ResourceType } from "@trellis/resource";
import { createTestServer, type TestServer, type TestServerOptions } from "@trellis/testing";

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
  readonly server: TestServer;
  readonly rpc: Client<typeof ResourceService>;
}

/** Starts a server with the demo types. */
export function createFixture(options: Partial<TestServerOptions> = {}): Fixture {
  const server = createTestServer({ domains: [demo], controllers: [], ...options });
  return { server, rpc: createClient(ResourceService, server.transport) };
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

/** Expects a call to fail with a code and a reason, and with some words in its message. */
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
  return outcome;
}

/** Expects InvalidArgument that names a field. */
export async function expectInvalid(
  call: Promise<unknown>,
  field: string,
  words = "",
  reason = "INVALID_REQUEST",
): Promise<void> {
  const error = await expectError(call, Code.InvalidArgument, reason, words);
  expect(errorViolations(error).map((violation) => violation.field)).toContain(field);
}

/** A name of 64 characters: one too many. */
export const LONG = "a".repeat(64);
