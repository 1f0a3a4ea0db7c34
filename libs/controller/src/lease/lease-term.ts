import { type Client, withPreconditions } from "@trellis/client";
import type { Check } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import type { StoredLease } from "./lease.ts";
import { fenceOf, type MemberTerm } from "./member-term.ts";

/** A write that was not sent, because its lease is not held any more. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** What a term is made of. */
export interface LeaseTermInit {
  /** The lease as its taking stored it. */
  readonly lease: StoredLease;
  /** Of a shard's lease: its controller's, as it was checked by the taking. */
  readonly layout?: StoredLease | undefined;
  /** Who holds it. */
  readonly member: MemberTerm;
  readonly client: Client;
}

/**
 * One time of holding a lease, from its taking to its loss; never the next one. It lasts no longer than its member's term, which is shorter than anybody else waits. Should
 * that go wrong (a process that slept while it sent), the store refuses what is written under it: its generation is no longer the lease's.
 */
export class LeaseTerm {
  readonly lease: StoredLease;
  readonly layout: StoredLease | undefined;
  readonly member: MemberTerm;
  /** Writes under this term: with its fences, and only while it lasts. */
  readonly client: Client;
  #ended = false;

  constructor({ lease, layout, member, client }: LeaseTermInit) {
    this.lease = lease;
    this.layout = layout;
    this.member = member;
    this.client = withPreconditions(client, () => {
      this.#assertHeld();
      return this.fences;
    });
  }

  get name(): string {
    return this.lease.id.name;
  }

  /** Hold in a commit as long as nobody took, handed back or deleted the lease since this term began, nor divided its controller anew. */
  get fences(): readonly Check[] {
    return [this.lease, ...(this.layout === undefined ? [] : [this.layout])].map(fenceOf);
  }

  get held(): boolean {
    return !this.#ended && this.member.held;
  }

  /** Is over from now on. */
  end(): void {
    this.#ended = true;
  }

  #assertHeld(): void {
    if (this.held) return;
    throw new LeaseLostError(
      `the lease ${this.name} is not held here any more, so nothing was sent; another process may have taken it`,
    );
  }
}
