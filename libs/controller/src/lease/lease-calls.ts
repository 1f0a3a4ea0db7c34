import type { MessageInitShape } from "@bufbuild/protobuf";
import { type DurationSchema, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@trellis/client";
import { type Check, WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";

import { Lease, LEASE_TENANCY, type StoredLease } from "./lease.ts";
import type { LeaseTerm } from "./lease-term.ts";
import { fenceOf, type MemberTerm } from "./member-term.ts";

/** Who takes leases. */
export interface LeaseHolder {
  /** No other process has it, nor the same one after a restart. */
  readonly id: string;
  /** For people. */
  readonly name: string;
}

/** What a taking says beside the lease's name. */
export interface TakingInit {
  readonly holder: LeaseHolder;
  readonly member: MemberTerm;
  /** Of a shard's lease: its controller's, as it was seen. */
  readonly layout?: StoredLease | undefined;
  /** Show that who held the lease has not renewed since that was seen. */
  readonly witnesses: readonly Check[];
  readonly timeoutMs: number;
}

/**
 * What a controller's lease says of its duration. Managers of before there were members judge each lease for itself, and leave it alone for so long after a change
 * that they saw: it is the longest that leases take.
 */
export const UNRENEWED_DURATION_MS = 3_600_000;

/**
 * Takes a lease that was last seen as `seen`, absent or stored, all in one commit: it is as it was seen, its holder has not renewed since, and the taker is still a member. Throws
 * what {@link isOtherwise} tells when that is not so any more.
 */
export async function takeLease(
  client: Client,
  name: string,
  seen: StoredLease | undefined,
  { holder, member, layout, witnesses, timeoutMs }: TakingInit,
): Promise<StoredLease> {
  const data = {
    holder: holder.id,
    holderName: holder.name,
    duration: durationOf(UNRENEWED_DURATION_MS),
    transitions: transitionsAfter(seen),
    member: member.name,
  };
  const preconditions = [member.fence, ...witnesses, ...(layout === undefined ? [] : [fenceOf(layout)])];
  return await replaceLease(client, name, seen, { data, preconditions, timeoutMs });
}

/** Divides what a lease is for into shards, each with a lease of its own, in the same way as a taking. */
export async function divideLease(
  client: Client,
  name: string,
  seen: StoredLease | undefined,
  {
    shards,
    member,
    witnesses,
    timeoutMs,
  }: Omit<TakingInit, "holder" | "layout"> & { readonly shards: number },
): Promise<StoredLease> {
  const data = { shards, transitions: transitionsAfter(seen) };
  return await replaceLease(client, name, seen, {
    data,
    preconditions: [member.fence, ...witnesses],
    timeoutMs,
  });
}

/** Whether a refusal says that something is not as it was seen. */
export function isOtherwise(error: unknown): boolean {
  const reasons = [
    "ALREADY_EXISTS",
    "VERSION_MISMATCH",
    "UID_MISMATCH",
    "RESOURCE_NOT_FOUND",
    "PRECONDITION_FAILED",
  ];
  return reasons.includes(errorReason(error) ?? "");
}

/** Leaves a lease to whoever wants it: from then on nothing is written under the term, by anybody. */
export async function handBackLease(
  client: Client,
  { name, lease, fences }: Pick<LeaseTerm, "name" | "lease" | "fences">,
  timeoutMs: number,
): Promise<void> {
  await client.write(
    Lease,
    { ...LEASE_TENANCY, name, ...keptOf(lease), data: { transitions: lease.data.transitions } },
    { mode: WriteRequest_Mode.UPDATE, preconditions: fences, timeoutMs },
  );
}

export function durationOf(milliseconds: number): MessageInitShape<typeof DurationSchema> {
  return durationFromMs(milliseconds) as MessageInitShape<typeof DurationSchema>;
}

interface Replacement {
  readonly data: MessageInitShape<typeof Lease.schema>;
  readonly preconditions: readonly Check[];
  readonly timeoutMs: number;
}

async function replaceLease(
  client: Client,
  name: string,
  seen: StoredLease | undefined,
  { data, preconditions, timeoutMs }: Replacement,
): Promise<StoredLease> {
  const version = seen === undefined ? {} : { ...keptOf(seen), version: seen.version };
  const mode = seen === undefined ? WriteRequest_Mode.CREATE : WriteRequest_Mode.UPDATE;
  const input = { ...LEASE_TENANCY, name, ...version, data };
  return (await client.write(Lease, input, { mode, preconditions, timeoutMs })).resource;
}

function transitionsAfter(seen: StoredLease | undefined): bigint {
  return (seen?.data.transitions ?? 0n) + 1n;
}

/** What a write must say again to keep: it replaces the whole resource. */
function keptOf({ metadata, owner, id }: StoredLease) {
  return { metadata, uid: id.uid, ...(owner && { owner }) };
}
