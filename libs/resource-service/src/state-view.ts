import {
  type Key,
  keyString,
  type Operation,
  type Precondition,
  readNowOrWait,
  type ReadResult,
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
  readonly #beliefs = new Beliefs();
  #attempt = 0;
  /** On how much this attempt relied so far. */
  #uses = 0;
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
    const reading = this.#read(this.#beliefs.of(key));
    let waiting = reading instanceof Promise ? [reading as Promise<unknown>] : undefined;
    for (const guard of guards) {
      const expected = this.#expectGuard(guard.key);
      if (expected !== undefined) (waiting ??= []).push(expected);
    }
    return waiting && Promise.all(waiting);
  }

  /** What is stored under a key, as far as known, before any operation of this mutation. */
  stored(key: Key): Known<StoredRecord | undefined> {
    const belief = this.#beliefs.of(key);
    this.#use(belief);
    return this.#read(belief);
  }

  /** What a key holds after the operations planned so far: for what later operations of a transaction may rely on. */
  latest(key: Key): Known<RecordInit | undefined> {
    const belief = this.#beliefs.of(key);
    if (belief.plannedIn === this.#attempt) return belief.planned;
    this.#use(belief);
    return this.#read(belief);
  }

  /** Whether an earlier operation of this attempt leaves something under a key, or nothing. */
  isPlanned(key: Key): boolean {
    return this.#beliefs.of(key).plannedIn === this.#attempt;
  }

  /** Tells later operations what an earlier one will leave under a key. */
  plan(key: Key, record: RecordInit | undefined): void {
    const belief = this.#beliefs.of(key);
    belief.planned = record;
    belief.plannedIn = this.#attempt;
  }

  /** Corrects a belief with proven state. */
  learn(key: Key, record: StoredRecord | undefined): void {
    const { guards } = this.#sources;
    const belief = this.#beliefs.of(key);
    belief.believe(record, true, this.#doubts);
    const { text } = belief;
    if (guards.get(text) !== undefined) guards.learn(text, record);
  }

  /** Reads everything again that it is asked for, after a wait in which others wrote: what it knows may be old. */
  doubt(): void {
    this.#doubts += 1;
  }

  /** Starts a new attempt: forgets what it relied on and planned, keeps what it believes. */
  restart(): void {
    this.#uses = 0;
    this.#attempt += 1;
  }

  /** Whether all that this attempt relied on is one key, proven current since the call began. */
  proven(): boolean {
    return this.#uses === 0 || (this.#uses === 1 && this.#used().every(({ proven }) => proven));
  }

  /** One check for each key that this attempt relied on: the commit that proves them current together. */
  checks(): Operation[] {
    return this.#used().map(({ key, record }) => checkUnchanged(key, record));
  }

  #use(belief: Belief): void {
    if (belief.usedIn === this.#attempt) return;
    belief.usedIn = this.#attempt;
    belief.use = this.#uses++;
  }

  /** What this attempt relied on, in that order. */
  #used(): Belief[] {
    const used = this.#beliefs.all().filter(({ usedIn }) => usedIn === this.#attempt);
    return used.sort((a, b) => a.use - b.use);
  }

  /** What is stored under a key: read, unless it is believed already and not doubted. */
  #read(belief: Belief): Known<StoredRecord | undefined> {
    if (belief.isHeldSince(this.#doubts)) return belief.record;
    const reading = readNowOrWait(this.#sources.backend, belief.key, this.#patience);
    return reading instanceof Promise ? this.#seeLater(belief, reading) : this.#see(belief, reading);
  }

  #see(belief: Belief, { record, position }: ReadResult): StoredRecord | undefined {
    return belief.see(record, position.version, this.#doubts);
  }

  async #seeLater(belief: Belief, reading: Promise<ReadResult>): Promise<StoredRecord | undefined> {
    return this.#see(belief, await reading);
  }

  /** Sees to it that there is a belief of a unit whose state the commit is going to prove; what was seen last does. */
  #expectGuard(key: Key): undefined | Promise<void> {
    const { backend, guards } = this.#sources;
    const belief = this.#beliefs.of(key);
    const { text } = belief;
    if (!belief.isHeld) {
      // What a store in this process shows at once is newer than what is remembered.
      const found = backend.readNow?.(key, this.#patience);
      if (found !== undefined) {
        this.#see(belief, found);
        return undefined;
      }
      const remembered = guards.get(text);
      if (remembered !== undefined) {
        belief.believe(remembered, false, this.#doubts);
        return undefined;
      }
    }
    const reading = this.#read(belief);
    return reading instanceof Promise ? this.#learnGuard(text, reading) : undefined;
  }

  async #learnGuard(text: string, reading: Promise<StoredRecord | undefined>): Promise<void> {
    this.#sources.guards.learn(text, await reading);
  }
}

/** So many are found one after the other, which takes less time and memory than a map: a write has three. */
const MAX_CHAINED = 8;

/** Beliefs by their keys. */
class Beliefs {
  #newest: Belief | undefined;
  #count = 0;
  /** All of them by the string form of their keys, where they are many. */
  #byText: Map<string, Belief> | undefined;

  /** The belief about a key, made when it is first asked for. */
  of(key: Key): Belief {
    const text = keyString(key);
    return this.#find(text) ?? this.#add(new Belief(key, text, this.#newest));
  }

  /** From the newest on. */
  all(): Belief[] {
    const beliefs: Belief[] = [];
    for (let belief = this.#newest; belief !== undefined; belief = belief.older) beliefs.push(belief);
    return beliefs;
  }

  #find(text: string): Belief | undefined {
    if (this.#byText !== undefined) return this.#byText.get(text);
    let belief = this.#newest;
    while (belief !== undefined && belief.text !== text) belief = belief.older;
    return belief;
  }

  #add(belief: Belief): Belief {
    this.#newest = belief;
    this.#count += 1;
    if (this.#byText !== undefined) this.#byText.set(belief.text, belief);
    else if (this.#count > MAX_CHAINED) this.#byText = new Map(this.all().map((each) => [each.text, each]));
    return belief;
  }
}

const NEVER = -1;

/** What a mutation takes to be stored under a key, and what it plans to leave there. */
class Belief {
  readonly key: Key;
  /** The string form of the key. */
  readonly text: string;
  /** The one that was made before. */
  readonly older: Belief | undefined;
  record: StoredRecord | undefined;
  /** Whether it was so at a moment of this call; what is read may be old. */
  proven = false;
  /** The attempts that last relied on it, and planned what is to be there. */
  usedIn = NEVER;
  plannedIn = NEVER;
  /** Which of the attempt's uses was its first. */
  use = 0;
  planned: RecordInit | undefined;
  /** How often everything had been doubted when it was last heard. */
  #heldSince = NEVER;

  constructor(key: Key, text: string, older: Belief | undefined) {
    this.key = key;
    this.text = text;
    this.older = older;
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
  return { kind: "check", key, preconditions: [unchangedSince(record)] };
}

/** Holds while what is stored is the record that was seen, or still nothing. */
export function unchangedSince(record: StoredRecord | undefined): Precondition {
  return record === undefined ? { kind: "absent" } : { kind: "version", version: record.version };
}
