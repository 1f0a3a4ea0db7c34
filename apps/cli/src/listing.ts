import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { errorReason, type TenancyUnits } from "@trellis/resource";

import type { Session } from "./session.ts";
import type { KnownType } from "./types/known-type.ts";

/** What to list. */
export interface Listing {
  readonly type: KnownType;
  readonly tenancy: TenancyUnits;
  readonly selector: string;
}

/** Resources asked for at a time. */
const PAGE_SIZE = 500;
/** How often a list is begun again when its version is no longer kept. */
const MAX_RESTARTS = 3;

/** Lists all resources, as one version of the store shows them; begins again, saying so, when that version is gone before the last page. */
export async function listAll(session: Session, listing: Listing): Promise<readonly Resource[]> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await listOnce(session, listing);
    } catch (error) {
      if (errorReason(error) !== "PAGE_EXPIRED" || restarts === MAX_RESTARTS) throw error;
      session.environment.stderr("The list took longer than the store keeps its version; starting over.\n");
    }
  }
}

async function listOnce(
  { connection, callOptions }: Session,
  { type, tenancy, selector }: Listing,
): Promise<readonly Resource[]> {
  const { group, groupVersion, kind } = type;
  const resources: Resource[] = [];
  let pageToken = "";
  do {
    const request = {
      type: { group, groupVersion, kind },
      tenancy: { ...tenancy },
      selector,
      pageSize: PAGE_SIZE,
      pageToken,
    };
    const page = await connection.client.resources.list(request, callOptions);
    resources.push(...page.resources);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return resources;
}
