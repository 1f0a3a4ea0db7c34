import { type Key, keyString, readNowOrWait, type ReadResult, type StoredRecord } from "@trellis/storage";

import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";

/** What a mutation takes to be stored under a key. */
export interface Belief {
  readonly key: Key;
  readonly record: StoredRecord | undefined;
  /** Whether it was so at a moment of this call; what is read may be old. */
  readonly proven: boolean;
}

/** Where beliefs come from. */
export type BeliefSources = Pick<Environment, "backend" | "guards">;

/** How long a read is waited for, and nothing else of what the call asks of reads. Its signal is made where somebody waits. */
class Patience {
  readonly #call: Pick<Call, "signal">;

  constructor(call: Pick<Call, "signal">) {
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }
}

/** What one mutation takes to be stored, by the string form of the keys. */
export class Beliefs {
  readonly #sources: BeliefSources;
  readonly #patience: Patience;
  readonly #beliefs = new Map<string, Belief>();
  readonly #doubted = new Set<string>();

  constructor(sources: BeliefSources, call: Pick<Call, "signal">) {
    this.#sources = sources;
    this.#patience = new Patience(call);
  }

  get(text: string): Belief | undefined {
    return this.#beliefs.get(text);
  }

  /** What is stored under a key: read, unless it is believed already and not doubted. */
  of(key: Key, text: string): StoredRecord | undefined | Promise<StoredRecord | undefined> {
    const known = this.#beliefs.get(text);
    if (known !== undefined && !this.#doubted.has(text)) return known.record;
    const believe = ({ record, position }: ReadResult): StoredRecord | undefined => {
      this.#doubted.delete(text);
      // A replica that lags may not have come to what is known yet.
      if (known?.record !== undefined && position.version < known.record.version) return known.record;
      this.#beliefs.set(text, { key, record, proven: false });
      return record;
    };
    const reading = readNowOrWait(this.#sources.backend, key, this.#patience);
    return reading instanceof Promise ? reading.then(believe) : believe(reading);
  }

  /** Sees to it that there is a belief of a unit whose state the commit is going to prove; what was seen last does. */
  expectGuard(key: Key): undefined | Promise<void> {
    const { backend, guards } = this.#sources;
    const text = keyString(key);
    // A store in this process says what is there at once.
    const mayBeOld = backend.readNow === undefined && !this.#beliefs.has(text);
    const record = mayBeOld ? guards.get(text) : undefined;
    if (record !== undefined) {
      this.#beliefs.set(text, { key, record, proven: false });
      return undefined;
    }
    const reading = this.of(key, text);
    return reading instanceof Promise ? reading.then((found) => guards.learn(text, found)) : undefined;
  }

  /** Corrects a belief with proven state. */
  learn(key: Key, record: StoredRecord | undefined): void {
    const text = keyString(key);
    const { guards } = this.#sources;
    this.#doubted.delete(text);
    this.#beliefs.set(text, { key, record, proven: true });
    if (guards.get(text) !== undefined) guards.learn(text, record);
  }

  /** Everything is read again that is asked for. */
  doubt(): void {
    for (const text of this.#beliefs.keys()) this.#doubted.add(text);
  }
}
