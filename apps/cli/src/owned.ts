import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import type { Session } from "./session.ts";

/** What a resource owns, in the server's order. */
export interface Owned {
  readonly resources: readonly Resource[];
  /** There are more than were asked for. */
  readonly more: boolean;
}

/** Lists at most `limit` of what a resource owns, of all types; at least 1. The owner's id has its uid. */
export async function listOwned(
  { connection, callOptions }: Session,
  owner: ID,
  limit: number,
): Promise<Owned> {
  const resources: Resource[] = [];
  let pageToken = "";
  do {
    const pageSize = limit - resources.length;
    const page = await connection.client.resources.listByOwner({ owner, pageSize, pageToken }, callOptions);
    resources.push(...page.resources);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && resources.length < limit);
  return { resources: resources.slice(0, limit), more: pageToken !== "" };
}
