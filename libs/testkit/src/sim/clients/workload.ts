import {
  type Key,
  keyString,
  type Operation,
  type StoredRecord,
  type TypeQuery,
  WILDCARD,
} from "@trellis/storage";

import type { Dice } from "../world/dice.ts";
import { ContentMaker, drawKey, FILLERS } from "./contents.ts";
import type { RecordingClient } from "./recording-client.ts";

/** The most steps of one commit. */
const MAX_STEPS = 4;
const FILLERS_AT_ONCE = 80;

/** Who can do a workload. */
export type WorkingClient = Pick<RecordingClient, "commit" | "read" | "list" | "newest" | "parts"> & {
  /** Sends a commit in a session that was never opened; absent for who has none to send. */
  commitInUnknownSession?(operations: readonly Operation[]): Promise<void>;
};

/** What one client does: writes with and without conditions, transactions, reads and lists of every kind. */
export class Workload {
  readonly #client: WorkingClient;
  readonly #dice: Dice;
  readonly #contents: ContentMaker;
  /** What it has seen of each key; old news too. */
  readonly #known = new Map<string, StoredRecord>();
  operations = 0;

  constructor(client: WorkingClient, thread: string, dice: Dice) {
    this.#client = client;
    this.#dice = dice;
    this.#contents = new ContentMaker(`${client.parts.name}-${thread}`, dice);
  }

  /** Writes what is there from the beginning. */
  async fill(): Promise<void> {
    for (let from = 0; from < FILLERS; from += FILLERS_AT_ONCE)
      await this.#client.commit(this.#contents.fill(from, FILLERS_AT_ONCE));
  }

  /** Does one thing. */
  async step(): Promise<void> {
    this.operations++;
    const key = drawKey(this.#dice);
    const chance = this.#dice.next();
    if (chance < 0.01)
      await this.#client.commitInUnknownSession?.([this.#contents.operation(key, undefined)]);
    else if (chance < 0.05)
      await this.#commit(this.#contents.fill(this.#dice.below(FILLERS), 1 + this.#dice.below(MAX_STEPS)));
    else if (chance < 0.25) await this.#change(key, 1);
    else if (chance < 0.35) await this.#change(key, 1 + this.#dice.below(MAX_STEPS));
    else if (chance < 0.4) await this.#evaluate(key);
    else if (chance < 0.55) await this.#readAndReplace(key);
    else if (chance < 0.7) this.#note(key, await this.#client.read(key, { consistency: "strong" }));
    else if (chance < 0.8) await this.#readWithMinimum(key);
    else if (chance < 0.85) await this.#client.read(key, {});
    else if (chance < 0.9) await this.#client.list(this.#query(key), { consistency: "strong" });
    else if (chance < 0.95) await this.#listInPages(key);
    else await this.#listOwned(key);
  }

  async #change(key: Key, steps: number): Promise<void> {
    const operations = new Map<string, Operation>();
    for (let step = 0; step < steps; step++) {
      const target = step === 0 ? key : drawKey(this.#dice);
      const owner = this.#dice.chance(0.2) ? this.#known.get(keyString(drawKey(this.#dice))) : undefined;
      const text = keyString(target);
      operations.set(text, this.#contents.operation(target, this.#known.get(text), owner));
    }
    await this.#commit([...operations.values()]);
  }

  async #evaluate(key: Key): Promise<void> {
    await this.#client.commit([this.#contents.operation(key, this.#known.get(keyString(key)))], true);
  }

  /** What a compare-and-swap loop does: reads, and replaces what it read. */
  async #readAndReplace(key: Key): Promise<void> {
    const found = await this.#client.read(key, {
      consistency: this.#dice.pick(["strong", "eventual"] as const),
      minimum: { version: this.#client.newest },
    });
    const condition =
      found === undefined
        ? { kind: "absent" as const }
        : { kind: "version" as const, version: found.version };
    const record = this.#contents.make(found);
    await this.#commit([{ kind: "put", key, record, preconditions: [condition] }]);
  }

  async #commit(operations: readonly Operation[]): Promise<void> {
    const result = await this.#client.commit(operations);
    if (result === undefined) return;
    if (result.outcome === "refused") {
      const key = operations[result.operationIndex]?.key;
      if (key !== undefined) this.#note(key, result.current);
      return;
    }
    for (const operation of operations) {
      if (operation.kind === "check") continue;
      const { key } = operation;
      if (operation.kind === "delete") this.#known.delete(keyString(key));
      else this.#note(key, { ...operation.record, key, version: result.version });
    }
  }

  async #readWithMinimum(key: Key): Promise<void> {
    const minimum = { version: this.#client.newest };
    this.#note(key, await this.#client.read(key, { minimum }));
  }

  async #listInPages(key: Key): Promise<void> {
    const query = this.#query(key);
    const limit = 1 + this.#dice.below(4);
    const first = await this.#client.list(query, { limit, minimum: { version: this.#client.newest } });
    const last = first?.records.at(-1);
    if (first === undefined || last === undefined || !first.more) return;
    await this.#client.list(query, {
      limit,
      after: last.key,
      atVersion: first.position.version,
      minimum: first.position,
    });
  }

  async #listOwned(key: Key): Promise<void> {
    const owner = this.#known.get(keyString(key));
    if (owner === undefined) return;
    await this.#client.list(
      { owner: { key: owner.key, uid: owner.uid } },
      {
        consistency: this.#dice.pick(["strong", "eventual"] as const),
        minimum: { version: this.#client.newest },
      },
    );
  }

  #query({ group, kind, partition, namespace, name }: Key): TypeQuery {
    return this.#dice.pick<TypeQuery>([
      { group, kind, partition: WILDCARD, namespace: WILDCARD },
      { group, kind, partition, namespace },
      { group, kind, partition, namespace: WILDCARD, namePrefix: name.slice(0, 1) },
    ]);
  }

  #note(key: Key, record: StoredRecord | undefined): void {
    if (record !== undefined) this.#known.set(keyString(key), record);
  }
}
