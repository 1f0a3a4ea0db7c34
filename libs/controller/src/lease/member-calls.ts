import type { Client } from "@trellis/client";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";

import { Lease, LEASE_STATUS_KEY, LEASE_TENANCY, type StoredLease } from "./lease.ts";
import { durationOf, type LeaseHolder } from "./lease-calls.ts";
import type { MemberTerm } from "./member-term.ts";

/** Makes a member's lease. Throws `ALREADY_EXISTS` when there is one of that name. */
export async function joinMembers(
  client: Client,
  name: string,
  as: {
    readonly holder: LeaseHolder;
    readonly candidates: readonly string[];
    readonly durationMs: number;
    readonly timeoutMs: number;
  },
): Promise<StoredLease> {
  const data = {
    holder: as.holder.id,
    holderName: as.holder.name,
    duration: durationOf(as.durationMs),
    transitions: 1n,
    member: name,
    candidates: [...as.candidates],
  };
  const options = { mode: WriteRequest_Mode.CREATE, timeoutMs: as.timeoutMs };
  return (await client.write(Lease, { ...LEASE_TENANCY, name, data }, options)).resource;
}

/**
 * Renews a member's lease. A status leaves the generation as it is, and with it the fence. One that says what is stored would change nothing, and nobody would see it: hence
 * the number. Throws what {@link isOver} tells when the term is over.
 */
export async function renewMember(
  client: Client,
  { lease, fence }: MemberTerm,
  as: { readonly holder: LeaseHolder; readonly renewal: number; readonly timeoutMs: number },
): Promise<void> {
  const message = `${as.renewal} times by ${as.holder.name}`;
  await client.resources.writeStatus(
    {
      id: lease.id,
      key: LEASE_STATUS_KEY,
      status: {
        observedGeneration: lease.generation,
        conditions: [{ type: "Renewed", state: Condition_State.TRUE, message }],
      },
      preconditions: [fence],
    },
    { timeoutMs: as.timeoutMs },
  );
}

/** Whether a refused renewal says that the member's term is over. */
export function isOver(error: unknown): boolean {
  return ["PRECONDITION_FAILED", "RESOURCE_NOT_FOUND"].includes(errorReason(error) ?? "");
}

/** Deletes the lease of a member's term: all that it held is free from then on. */
export async function leaveMembers(
  client: Client,
  { lease, fence }: MemberTerm,
  timeoutMs: number,
): Promise<void> {
  await client.delete(Lease, nameOf(lease), { preconditions: [fence], timeoutMs });
}

/** Deletes the lease of a member that has not renewed it since it was seen like this. Throws `VERSION_MISMATCH` when it has. */
export async function deleteDeparted(client: Client, lease: StoredLease, timeoutMs: number): Promise<void> {
  await client.delete(Lease, nameOf(lease), { version: lease.version, timeoutMs });
}

function nameOf({ id: { name, uid } }: StoredLease) {
  return { ...LEASE_TENANCY, name, uid };
}
