import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Client, createClient } from "@connectrpc/connect";
import demo from "@trellis/demo";
import { ArtistSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { createUlids, systemClock } from "@trellis/resource";
import type { Backend, Operation } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { createTestServer, seededRandom } from "@trellis/testing";

/** What artists are to messages. */
export const ARTIST = { group: "demo", groupVersion: "v2", kind: "Artist" };

const TENANCY = { partition: "default", namespace: "default" };
/** Resources of one commit of the setting up: as many as one commit takes, nearly. */
const RESOURCES_PER_COMMIT = 1_000;

/** A change of one resource: what was put, or undefined for a delete. */
export interface Change {
  readonly version: number;
  readonly name: string;
  readonly kind: "put" | "delete";
}

/** The real resource service on a store in memory, full of artists. */
export interface World {
  readonly rpc: Client<typeof ResourceService>;
  /** The version at which the resources are all there and nothing has been changed. */
  readonly start: number;
  /** What was applied since, in order. */
  readonly changes: readonly Change[];
  close(): Promise<void>;
}

/** An artist as a request to write it has it. */
export function draftOf(name: string, title: string) {
  const data = anyPack(ArtistSchema, create(ArtistSchema, { name: title, genre: 4 }));
  return { id: { type: ARTIST, name }, data };
}

/** The name of a resource by its number. */
export function nameOf(index: number): string {
  return `artist-${index}`;
}

/** Makes a world with so many resources, numbered from 0. */
export async function createWorld(resources: number): Promise<World> {
  const random = seededRandom(1);
  const memory = createMemoryBackend({ clock: systemClock, random });
  const ulid = createUlids({ clock: systemClock, random });
  for (let first = 0; first < resources; first += RESOURCES_PER_COMMIT) {
    const count = Math.min(RESOURCES_PER_COMMIT, resources - first);
    await memory.commit(Array.from({ length: count }, (_, index) => putOf(nameOf(first + index), ulid)));
  }
  const start = memory.position().version;
  const changes: Change[] = [];
  const commit: Backend["commit"] = async (operations, options) => {
    const before = memory.position().version;
    const result = await memory.commit(operations, options);
    const { outcome, version } = result;
    if (outcome === "refused" || version === before) return result;
    for (const { kind, key } of operations)
      if (kind !== "check") changes.push({ version, name: key.name, kind });
    return result;
  };
  const server = createTestServer({ domains: [demo], controllers: [], backend: { ...memory, commit } });
  return {
    rpc: createClient(ResourceService, server.transport),
    start,
    changes,
    close: () => server.close(),
  };
}

/** Stores an artist past the service, which would take a hundred thousand calls. */
function putOf(name: string, ulid: () => string): Operation {
  const { group, groupVersion, kind } = ARTIST;
  const [uid, generation] = [ulid(), ulid()];
  const resource = create(ResourceSchema, {
    id: { type: ARTIST, tenancy: TENANCY, name, uid },
    generation,
    data: anyPack(ArtistSchema, create(ArtistSchema, { name: "Before", genre: 4 })),
  });
  return {
    kind: "put",
    key: { group, kind, ...TENANCY, name },
    record: { uid, groupVersion, generation, marked: false, bytes: toBinary(ResourceSchema, resource) },
    preconditions: [],
  };
}
