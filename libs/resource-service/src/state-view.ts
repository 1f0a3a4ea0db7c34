import { type Key, keyString, type Operation, type RecordInit, type StoredRecord } from "@trellis/storage";

import { type Belief, Beliefs, type BeliefSources } from "./beliefs.ts";
import type { Call } from "./call.ts";
import type { TenancyGuard } from "./tenancy.ts";
import type { Known } from "./when-known.ts";

/**
 * What one mutation believes is stored. A belief starts as an eventual read, which may be stale and only proposes; a refused commit
 * corrects it with what was stored at that moment.
 */
export interface StateView {
  /**
   * Reads at once what is going to be asked for: one after the other would take as many ways to a store that is elsewhere. Relies on nothing of it. Of `guards`, whose state the commit
   * is going to prove, it takes what was seen last. Undefined where there is nothing to wait for.
   */
  expect(key: Key, guards: readonly TenancyGuard[]): undefined | Promise<unknown>;
  /** What is stored under a key, as far as known, before any operation of this mutation. */
  stored(key: Key): Known<StoredRecord | undefined>;
  /** What a key holds after the operations planned so far: for what later operations of a transaction may rely on. */
  latest(key: Key): Known<RecordInit | undefined>;
  /** Tells later operations what an earlier one will leave under a key. */
  plan(key: Key, record: RecordInit | undefined): void;
  /** Corrects a belief with proven state. */
  learn(key: Key, record: StoredRecord | undefined): void;
  /** Reads everything again that it is asked for, after a wait in which others wrote: what it knows may be old. */
  doubt(): void;
  /** Starts a new attempt: forgets what it read and planned, keeps what it believes. */
  restart(): void;
  /** Whether all that this attempt relied on is one key, proven current since the call began. */
  proven(): boolean;
  /** One check for each key that this attempt relied on: the commit that proves them current together. */
  checks(): Operation[];
}

/** Starts without beliefs. */
export function createStateView(environment: BeliefSources, call: Pick<Call, "signal">): StateView {
  const beliefs = new Beliefs(environment, call);
  const planned = new Map<string, RecordInit | undefined>();
  const used = new Set<string>();
  const usedBeliefs = (): Belief[] => [...used].flatMap((text) => beliefs.get(text) ?? []);

  function stored(key: Key): Known<StoredRecord | undefined> {
    const text = keyString(key);
    used.add(text);
    return beliefs.of(key, text);
  }

  return {
    expect(key, guards) {
      const reading = beliefs.of(key, keyString(key));
      const waiting: Promise<unknown>[] = reading instanceof Promise ? [reading] : [];
      for (const guard of guards) {
        const expected = beliefs.expectGuard(guard.key);
        if (expected !== undefined) waiting.push(expected);
      }
      return waiting.length === 0 ? undefined : Promise.all(waiting);
    },
    stored,
    latest: (key) =>
      planned.size > 0 && planned.has(keyString(key)) ? planned.get(keyString(key)) : stored(key),
    plan: (key, record) => void planned.set(keyString(key), record),
    learn: (key, record) => beliefs.learn(key, record),
    doubt: () => beliefs.doubt(),
    restart() {
      used.clear();
      planned.clear();
    },
    proven: () => used.size === 0 || (used.size === 1 && usedBeliefs().every((belief) => belief.proven)),
    checks: () => usedBeliefs().map(({ key, record }) => checkUnchanged(key, record)),
  };
}

/** An operation that holds while a key's record is the one that was seen, or still absent. */
export function checkUnchanged(key: Key, record: StoredRecord | undefined): Operation {
  return {
    kind: "check",
    key,
    preconditions: [record === undefined ? { kind: "absent" } : { kind: "version", version: record.version }],
  };
}
