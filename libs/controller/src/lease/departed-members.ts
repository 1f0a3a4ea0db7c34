import type { Client } from "@trellis/client";

import type { ControllerLog } from "../log.ts";
import { errorText } from "../runtime/named-log.ts";
import type { StoredLease } from "./lease.ts";
import { deleteDeparted } from "./member-calls.ts";

/** How many are removed at a time: the others are next time, by whoever looks first. */
const MAX_AT_A_TIME = 16;
const CALL_TIMEOUT_MS = 1_000;

/**
 * Deletes the leases of members that have gone, each at the version that was seen unchanged for so long, so that one that renewed meanwhile stays. What they held is as free
 * without them; and no fence comes to hold again by it, because fences are of what they held, which stays as it is.
 */
export async function removeDeparted(
  departed: readonly StoredLease[],
  { client, log }: { readonly client: Client; readonly log: ControllerLog },
): Promise<void> {
  await Promise.all(
    departed.slice(0, MAX_AT_A_TIME).map(async (lease) => {
      const fields = { lease: lease.id.name, of: lease.data.holderName };
      try {
        await deleteDeparted(client, lease, CALL_TIMEOUT_MS);
        log.debug(fields, "the lease of a member that has gone is removed");
      } catch (error) {
        log.debug(
          { ...fields, reason: errorText(error) },
          "the lease of a member that seems to have gone stays",
        );
      }
    }),
  );
}
