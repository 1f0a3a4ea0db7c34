import { defineController, defineDomain, sharded } from "@trellis/controller";
import {
  CONTROLLER_LEASES,
  Lease,
  LEASE_TENANCY,
  leaseNameOf,
  shardLeaseNameOf,
  shardOf,
} from "@trellis/controller/runtime";
import { v2 } from "@trellis/demo";

/** Controllers that run in one process each. */
const SINGLETONS = ["copying-1", "copying-2", "copying-3"] as const;
/** One whose names are spread over so many leases. */
const SHARDED = "copying-shards";
const SHARDS = 4;

/** All controllers of the domain: each copies each artist into albums of its own. */
export const COPIERS: readonly string[] = [...SINGLETONS, SHARDED];

/** Albums that a controller makes of an artist, one after the other: so that writes are on their way at most times. */
const COPIES = 5;

/** The albums that a controller makes of an artist. */
export function copiesOf(artist: string, controller: string): readonly string[] {
  return Array.from({ length: COPIES }, (_, at) => `${artist}-${controller}-${at}`);
}

const identity = process.argv[process.argv.indexOf("--identity") + 1] ?? "";
/** Who writes: another one after a restart. */
const writer = `${identity}/${process.pid}`;

/** Copies artists, and writes onto each copy who made it, and in which term. */
function copier(name: string, placement: ReturnType<typeof sharded> | "singleton") {
  const controllerLease = leaseNameOf(CONTROLLER_LEASES, name);
  return defineController({
    name,
    type: v2.Artist,
    placement,
    concurrency: 4,
    async reconcile({ resource, request, client }) {
      const lease =
        placement === "singleton"
          ? controllerLease
          : shardLeaseNameOf(controllerLease, shardOf(request, SHARDS));
      // Should another hold it meanwhile, this is the other's term, and the write is not the other's.
      const { generation } = await client.read(Lease, { ...LEASE_TENANCY, name: lease });
      const metadata = { writer, lease, term: generation };
      const data = { title: resource.data.name };
      for (const copy of copiesOf(request.name, name))
        await client.write(v2.Album, { name: copy, metadata, data });
    },
  });
}

// oxlint-disable-next-line import/no-default-export -- a domain is its module's default export
export default defineDomain({
  types: [],
  controllers: [...SINGLETONS.map((name) => copier(name, "singleton")), copier(SHARDED, sharded(SHARDS))],
});
