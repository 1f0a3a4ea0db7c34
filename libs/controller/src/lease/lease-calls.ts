import { create } from "@bufbuild/protobuf";
import { type DurationSchema, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@trellis/client";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  OperationSchema,
  type Operation,
  WriteRequest_Mode,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorMetadata, errorReason, type TypedResource } from "@trellis/resource";

import { Lease, LEASE_STATUS_KEY, LEASE_TENANCY } from "./lease.ts";
import type { LeaseTerm } from "./lease-term.ts";

type StoredLease = TypedResource<typeof Lease.schema>;

/** Who takes leases. */
export interface LeaseHolder {
  /** No other process has it, nor the same one after a restart. */
  readonly id: string;
  /** For people. */
  readonly name: string;
}

/** Takes a lease that was last seen as `seen`, absent or stored. Throws `ALREADY_EXISTS` or `VERSION_MISMATCH` when it is not like that any more. */
export async function takeLease(
  client: Client,
  name: string,
  seen: StoredLease | undefined,
  as: { readonly holder: LeaseHolder; readonly durationMs: number; readonly timeoutMs: number },
): Promise<StoredLease> {
  const data = {
    holder: as.holder.id,
    holderName: as.holder.name,
    duration: durationFromMs(as.durationMs) as MessageInitShape<typeof DurationSchema>,
    transitions: (seen?.data.transitions ?? 0n) + 1n,
  };
  const { resource } = await client.write(
    Lease,
    { ...LEASE_TENANCY, name, ...keptOf(seen), data },
    {
      mode: seen === undefined ? WriteRequest_Mode.CREATE : WriteRequest_Mode.UPDATE,
      timeoutMs: as.timeoutMs,
    },
  );
  return resource;
}

/** Whether a failed taking says that the lease is not as it was seen. */
export function isTakenByAnother(error: unknown): boolean {
  return ["ALREADY_EXISTS", "VERSION_MISMATCH", "UID_MISMATCH", "RESOURCE_NOT_FOUND"].includes(
    errorReason(error) ?? "",
  );
}

/** The most renewals in one request: a transaction takes 128 operations. */
export const MAX_RENEWALS = 100;

/** Renews terms, all in one commit. Throws {@link TermRefusedError} for the first that is over; no other was renewed then. */
export async function renewLeases(
  client: Client,
  terms: readonly LeaseTerm[],
  as: { readonly holder: LeaseHolder; readonly renewal: number; readonly timeoutMs: number },
): Promise<void> {
  const operations = terms.map((term) => renewalOf(term, `${as.renewal} times by ${as.holder.name}`));
  try {
    await client.resources.transact({ operations }, { timeoutMs: as.timeoutMs });
  } catch (error) {
    const term = terms[Number(errorMetadata(error).operation ?? Number.NaN)];
    const isOver = ["PRECONDITION_FAILED", "RESOURCE_NOT_FOUND"].includes(errorReason(error) ?? "");
    throw isOver && term !== undefined ? new TermRefusedError(term, error) : error;
  }
}

/** The store refused to renew a term: somebody else took its lease, or deleted it. */
export class TermRefusedError extends Error {
  override readonly name = "TermRefusedError";
  readonly term: LeaseTerm;

  constructor(term: LeaseTerm, cause: unknown) {
    super(`the lease ${term.name} has another generation, or is gone`, { cause });
    this.term = term;
  }
}

/** A status leaves the generation as it is, and with it the fences. One that says what is stored would change nothing, and nobody would see it: hence the number. */
function renewalOf({ lease, fence }: LeaseTerm, message: string): Operation {
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
        preconditions: [fence],
      },
    },
  });
}

/** Leaves a lease to whoever wants it: from then on nothing is written under the term, by anybody. */
export async function handBackLease(
  client: Client,
  { name, lease, fence }: LeaseTerm,
  timeoutMs: number,
): Promise<void> {
  await client.write(
    Lease,
    { ...LEASE_TENANCY, name, ...keptOf(lease, false), data: { transitions: lease.data.transitions } },
    { mode: WriteRequest_Mode.UPDATE, preconditions: [fence], timeoutMs },
  );
}

/** What a write must say again to keep: it replaces the whole resource. */
function keptOf(seen: StoredLease | undefined, atVersion = true) {
  if (seen === undefined) return {};
  const { metadata, owner, version, id } = seen;
  return { metadata, uid: id.uid, ...(owner && { owner }), ...(atVersion ? { version } : {}) };
}
