import { create } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { type Operation, OperationSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import type { ControllerLog } from "../log.ts";
import { errorText } from "../runtime/named-log.ts";
import { LEASE_STATUS_KEY } from "./lease.ts";
import type { LeaseHolder } from "./lease-calls.ts";
import type { LeaseTerm } from "./lease-term.ts";

/** The most in one request: a batch takes 256 preconditions, and a term has two at most. */
const MAX_AT_A_TIME = 100;
const CALL_TIMEOUT_MS = 5_000;

/**
 * Changes leases, so that managers of before there were members, which judge each for itself, do not take them while an upgrade lasts. It is all the same to the others, and a
 * lease that somebody took is not changed.
 */
export async function refreshLeases(
  terms: readonly LeaseTerm[],
  {
    client,
    log,
    holder,
  }: { readonly client: Client; readonly log: ControllerLog; readonly holder: LeaseHolder },
): Promise<void> {
  for (let start = 0; start < terms.length; start += MAX_AT_A_TIME) {
    const operations = terms.slice(start, start + MAX_AT_A_TIME).map((term) => refreshOf(term, holder));
    try {
      await client.resources.batchWrite({ operations }, { timeoutMs: CALL_TIMEOUT_MS });
    } catch (error) {
      log.debug(
        { leases: operations.length, reason: errorText(error) },
        "leases were not refreshed; tried again later",
      );
    }
  }
}

function refreshOf({ lease, fences, member }: LeaseTerm, holder: LeaseHolder): Operation {
  // Each time differs from the last by how long the term lasts, or nobody would see it.
  const message = `by ${holder.name}, at ${Math.floor(member.untilMs)}`;
  return create(OperationSchema, {
    operation: {
      case: "writeStatus",
      value: {
        id: lease.id,
        key: LEASE_STATUS_KEY,
        status: {
          observedGeneration: lease.generation,
          conditions: [{ type: "Renewed", state: Condition_State.TRUE, message }],
        },
        preconditions: [...fences],
      },
    },
  });
}
