import {
  type Key,
  keyString,
  type Operation,
  type Precondition,
  readNowOrWait,
  type RecordInit,
  type StoredRecord,
} from "@trellis/storage";

import type { Environment } from "./environment.ts";
import type { Patience } from "./patience.ts";
import type { TenancyGuard } from "./tenancy.ts";
import type { Known } from "./when-known.ts";

/**
 * What one mutation believes is stored. A belief starts as an eventual read, which may be stale and only proposes; a refused commit
 * corrects it with what was stored at that moment.
 */
export class StateView {
  readonly #sources: Pick<Environment, "backend" | "guards">;
  readonly #patience: Patience;
  /** By the string form of the keys. */
  readonly #beliefs = new Map<string, Belief>();
  /** What this attempt relied on, in that order. */
  #used: Belief[] = [];
  #attempt = 0;
  /** How often everything was doubted. */
  #doubts = 0;

  /** Starts without beliefs. */
  constructor(sources: Pick<Environment, "backend" | "guards">, patience: Patience) {
    this.#sources = sources;
    this.#patience = patience;
  }

  /**
   * Reads at once what is going to be asked for: one after the other would take as many ways to a store that is elsewhere. Relies on nothing of it. Of `guards`, whose state the commit
   * is going to prove, it takes what was seen last. Undefined where there is nothing to wait for.
   */
  expect(key: Key, guards: readonly TenancyGuard[]): undefined | Promise<unknown> {
    const reading = this.#read(this.#of(key));
    let waiting = reading instanceof Promise ? [reading as Promise<unknown>] : undefined;
    for (const guard of guards) {
      const expected = this.#expectGuard(guard.key);
      if (expected !== undefined) (waiting ??= []).push(expected);
    }
    return waiting && Promise.all(waiting);
  }

  /** What is stored under a key, as far as known, before any operation of this mutation. */
  stored(key: Key): Known<StoredRecord | undefined> {
    const belief = this.#of(key);
    this.#use(belief);
    return this.#read(belief);
  }

  /** What a key holds after the operations planned so far: for what later operations of a transaction may rely on. */
  latest(key: Key): Known<RecordInit | undefined> {
    const belief = this.#of(key);
    if (belief.plannedIn === this.#attempt) return belief.planned;
    this.#use(belief);
    return this.#read(belief);
  }

  /** Whether an earlier operation of this attempt leaves something under a key, or nothing. */
  isPlanned(key: Key): boolean {
    return this.#of(key).plannedIn === this.#attempt;
  }

  /** Tells later operations what an earlier one will leave under a key. */
  plan(key: Key, record: RecordInit | undefined): void {
    const belief = this.#of(key);
    belief.planned = record;
    belief.plannedIn = this.#attempt;
  }

  /** Corrects a belief with proven state. */
  learn(key: Key, record: StoredRecord | undefined): void {
    const { guards } = this.#sources;
    this.#of(key).believe(record, true, this.#doubts);
    const text = keyString(key);
    if (guards.get(text) !== undefined) guards.learn(text, record);
  }

  /** Reads everything again that it is asked for, after a wait in which others wrote: what it knows may be old. */
  doubt(): void {
    this.#doubts += 1;
  }

  /** Starts a new attempt: forgets what it relied on and planned, keeps what it believes. */
  restart(): void {
    this.#used = [];
    this.#attempt += 1;
  }

  /** Whether all that this attempt relied on is one key, proven current since the call began. */
  proven(): boolean {
    return this.#used.length === 0 || (this.#used.length === 1 && this.#used.every(({ proven }) => proven));
  }

  /** One check for each key that this attempt relied on: the commit that proves them current together. */
  checks(): Operation[] {
    return this.#used.map(({ key, record }) => checkUnchanged(key, record));
  }

  #of(key: Key): Belief {
    const text = keyString(key);
    let belief = this.#beliefs.get(text);
    if (belief === undefined) {
      belief = new Belief(key);
      this.#beliefs.set(text, belief);
    }
    return belief;
  }

  #use(belief: Belief): void {
    if (belief.usedIn === this.#attempt) return;
    belief.usedIn = this.#attempt;
    this.#used.push(belief);
  }

  /** What is stored under a key: read, unless it is believed already and not doubted. */
  #read(belief: Belief): Known<StoredRecord | undefined> {
    if (belief.isHeldSince(this.#doubts)) return belief.record;
    const reading = readNowOrWait(this.#sources.backend, belief.key, this.#patience);
    return reading instanceof Promise
      ? reading.then(({ record, position }) => belief.see(record, position.version, this.#doubts))
      : belief.see(reading.record, reading.position.version, this.#doubts);
  }

  /** Sees to it that there is a belief of a unit whose state the commit is going to prove; what was seen last does. */
  #expectGuard(key: Key): undefined | Promise<void> {
    const { backend, guards } = this.#sources;
    const text = keyString(key);
    const belief = this.#of(key);
    if (!belief.isHeld) {
      // What a store in this process shows at once is newer than what is remembered.
      const found = backend.readNow?.(key, this.#patience);
      if (found !== undefined) {
        belief.see(found.record, found.position.version, this.#doubts);
        return undefined;
      }
      const remembered = guards.get(text);
      if (remembered !== undefined) {
        belief.believe(remembered, false, this.#doubts);
        return undefined;
      }
    }
    const reading = this.#read(belief);
    return reading instanceof Promise ? reading.then((found) => guards.learn(text, found)) : undefined;
  }
}

const NEVER = -1;

/** What a mutation takes to be stored under a key, and what it plans to leave there. */
class Belief {
  readonly key: Key;
  record: StoredRecord | undefined;
  /** Whether it was so at a moment of this call; what is read may be old. */
  proven = false;
  /** The attempts that last relied on it, and planned what is to be there. */
  usedIn = NEVER;
  plannedIn = NEVER;
  planned: RecordInit | undefined;
  /** How often everything had been doubted when it was last heard. */
  #heldSince = NEVER;

  constructor(key: Key) {
    this.key = key;
  }

  /** Whether anything is believed. */
  get isHeld(): boolean {
    return this.#heldSince !== NEVER;
  }

  /** Whether it is believed and was not doubted since. */
  isHeldSince(doubts: number): boolean {
    return this.#heldSince === doubts;
  }

  believe(record: StoredRecord | undefined, proven: boolean, doubts: number): void {
    this.record = record;
    this.proven = proven;
    this.#heldSince = doubts;
  }

  /** Believes what was read at a version. A replica that lags may not have come to what is known yet. */
  see(record: StoredRecord | undefined, version: number, doubts: number): StoredRecord | undefined {
    if (this.record !== undefined && version < this.record.version) this.#heldSince = doubts;
    else this.believe(record, false, doubts);
    return this.record;
  }
}

/** An operation that holds while a key's record is the one that was seen, or still absent. */
export function checkUnchanged(key: Key, record: StoredRecord | undefined): Operation {
  return { kind: "check", key, preconditions: [isUnchanged(record)] };
}

/** Holds while what is stored is the record that was seen, or still nothing. */
export function isUnchanged(record: StoredRecord | undefined): Precondition {
  return record === undefined ? { kind: "absent" } : { kind: "version", version: record.version };
}
