import {
  asV2,
  decodeConfChange,
  type Entry,
  type LogIndex,
  type Message,
  type RaftCore,
  type Term,
} from "@trellis/raft";

import { NODE_KIND } from "./entry-codec.ts";
import { checkFeatureLevel } from "./feature-level.ts";
import type { Machines } from "./machines.ts";
import type { MembershipTable } from "./membership-table.ts";
import type { NodeClock } from "./ports.ts";

/** Told in place of a result when an entry was no membership change although one was proposed: the core put an empty one in its place. */
export const membershipChanged = Symbol("membership changed");

/** Entries between two looks at the clock. */
const APPLIED_PER_LOOK = 16;

/** What applying works with. */
export interface ApplierDeps {
  readonly clock: NodeClock;
  readonly core: () => RaftCore;
  readonly machines: Machines;
  readonly table: MembershipTable;
  readonly featureLevel: number;
  /** What the proposer of this very entry said that it reads as; undefined when that is not known here. */
  readonly commandOf: (entry: Entry) => unknown;
  /** The entry was applied, with this result. */
  readonly onApplied: (entry: Entry, result: unknown) => void;
  readonly onMembership: () => void;
  readonly onFeatureLevel: () => void;
}

/** The apply thread (asynchronous storage writes): applies committed entries in their order, in slices that let others go first. */
export class Applier {
  readonly #deps: ApplierDeps;
  #orders: Message[] = [];
  /** Entries of the first order that are applied. */
  #position = 0;
  #index: LogIndex;
  #term: Term;

  constructor(deps: ApplierDeps, applied: { readonly index: LogIndex; readonly term: Term }) {
    this.#deps = deps;
    this.#index = applied.index;
    this.#term = applied.term;
  }

  /** The last entry that was applied. */
  get applied(): { readonly index: LogIndex; readonly term: Term } {
    return { index: this.#index, term: this.#term };
  }

  /** True while there is something to apply. */
  get isBusy(): boolean {
    return this.#orders.length > 0;
  }

  add(order: Message): void {
    this.#orders.push(order);
  }

  /** Forgets what was ordered and not applied: the core will order it again. */
  clear(): void {
    this.#orders = [];
    this.#position = 0;
  }

  /** A snapshot took the place of everything up to its index. */
  installed(at: { readonly index: LogIndex; readonly term: Term }): void {
    this.#index = at.index;
    this.#term = at.term;
  }

  /** Applies until that time of the clock, or until there is nothing left. Answers the orders that are carried out. Throws what a machine throws: the node is over. */
  run(untilMs: number): readonly Message[] {
    const { clock, machines } = this.#deps;
    if (this.#orders.length === 0 || clock.monotonic() > untilMs) return [];
    const done: Message[] = [];
    const results: { readonly entry: Entry; readonly result: unknown }[] = [];
    for (let order = this.#orders[0]; order !== undefined; order = this.#orders[0]) {
      for (; this.#position < order.entries.length; this.#position++) {
        const entry = order.entries[this.#position];
        if (entry === undefined || entry.index <= this.#index) continue;
        results.push({ entry, result: this.#apply(entry) });
        if (results.length % APPLIED_PER_LOOK === 0 && clock.monotonic() > untilMs) {
          this.#position++;
          break;
        }
      }
      if (this.#position < order.entries.length) break;
      this.#orders.shift();
      this.#position = 0;
      done.push(order);
    }
    if (results.length > 0) machines.reached(this.#index);
    for (const { entry, result } of results) this.#deps.onApplied(entry, result);
    return done;
  }

  #apply(entry: Entry): unknown {
    const { machines } = this.#deps;
    const result =
      entry.type === "EntryNormal" ? this.#applyNormal(entry, machines) : this.#applyChange(entry);
    this.#index = entry.index;
    this.#term = entry.term;
    return result;
  }

  #applyNormal(entry: Entry, machines: Machines): unknown {
    // A new leader's first entry, and what a membership change became that could not be taken.
    if (entry.data.length === 0) return undefined;
    const { table, featureLevel, commandOf, onFeatureLevel, onMembership } = this.#deps;
    if (entry.data[0] !== NODE_KIND) return machines.apply(entry.data, entry.index, commandOf(entry));
    const before = table.featureLevel;
    table.apply(entry.data.subarray(1));
    checkFeatureLevel({ cluster: table.featureLevel, supported: featureLevel });
    if (table.featureLevel !== before) onFeatureLevel();
    else onMembership();
    return undefined;
  }

  #applyChange(entry: Entry): unknown {
    const change = decodeConfChange(entry);
    if (change === undefined) return undefined;
    const confState = this.#deps.core().applyConfChange(change, entry.index);
    this.#deps.table.reconfigured(asV2(change), confState);
    this.#deps.onMembership();
    return membershipChanged;
  }
}
