import type { Client } from "@trellis/client";
import type { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import type { Tenancy, Type } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { type TypeName, typeNameText } from "@trellis/resource";

import { deleteAll } from "../delete-all.ts";
import { strong } from "../strong.ts";
import { Tombstone } from "../types.ts";

/** What lies in a tenancy, by type. */
export interface Remaining {
  readonly type: string;
  readonly count: number;
}

/** Which part of a tenancy is meant: a namespace, or a partition with everything in it. */
export interface Extent {
  readonly tenancy: Pick<Tenancy, "partition" | "namespace">;
  /** The scopes whose resources lie in it. */
  readonly scope: Scope;
}

/** What is listed between two deletions. */
const PAGE_SIZE = 500;

/**
 * Deletes what lies in a tenancy that takes nothing new any more, and tells what is still there afterwards: resources with finalizers, and tombstones,
 * which the reaper follows.
 */
export async function emptyTenancy(
  client: Client,
  extent: Extent,
  signal: AbortSignal,
): Promise<readonly Remaining[]> {
  const { types } = await client.types.listTypes({}, { signal });
  const remaining: Remaining[] = [];
  for (const { type, scope } of types) {
    if (type === undefined || scope !== extent.scope) continue;
    await deleteListed(client, type, extent, signal);
    remaining.push({ type: typeNameText(type), count: await count(client, type, extent, signal) });
  }
  const { group, groupVersion, kind } = Tombstone;
  const tombstones = await count(client, { group, groupVersion, kind }, extent, signal);
  remaining.push({ type: Tombstone.gvk, count: tombstones });
  return remaining.filter((one) => one.count > 0);
}

async function deleteListed(client: Client, type: Type, extent: Extent, signal: AbortSignal): Promise<void> {
  for await (const page of pages(client, type, extent, signal)) await deleteAll(client, page, signal);
}

async function count(client: Client, type: TypeName, extent: Extent, signal: AbortSignal): Promise<number> {
  let total = 0;
  for await (const page of pages(client, type, extent, signal)) total += page.length;
  return total;
}

/** All pages of one version, strong: what is not listed is not there, since nothing new comes. */
async function* pages(
  client: Client,
  { group, groupVersion, kind }: TypeName,
  { tenancy: { partition, namespace } }: Extent,
  signal: AbortSignal,
) {
  let pageToken = "";
  do {
    const page = await client.resources.list(
      {
        type: { group, groupVersion, kind },
        tenancy: { partition, namespace },
        pageSize: PAGE_SIZE,
        pageToken,
      },
      strong(signal),
    );
    yield page.resources;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
