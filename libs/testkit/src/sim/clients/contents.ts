import type { Key, Operation, Precondition, RecordInit, StoredRecord } from "@trellis/storage";

import type { Dice } from "../world/dice.ts";

const NAMES = ["a", "ab", "abc", "b", "c", "d"];
const NAMESPACES = ["x", "y"];
const KINDS = ["k", "l"];
/** The most bytes of a content. */
const MAX_BYTES = 3000;
const SMALL_BYTES = 100;

/** Few keys, so that clients get in each other's way. */
export function drawKey(dice: Dice): Key {
  return {
    group: "g",
    kind: dice.pick(KINDS),
    partition: "p",
    namespace: dice.pick(NAMESPACES),
    name: dice.pick(NAMES),
  };
}

/** Records that are there from the beginning, so that lists and snapshots take more than a moment. */
export const FILLERS = 320;

/** A key of one of them. */
export function fillerKey(number: number): Key {
  const name = `f${String(number).padStart(3, "0")}`;
  return { group: "g", kind: "f", partition: "p", namespace: "x", name };
}

/** Makes contents, no two of which are equal. */
export class ContentMaker {
  readonly #dice: Dice;
  readonly #client: string;
  #made = 0;

  constructor(client: string, dice: Dice) {
    this.#client = client;
    this.#dice = dice;
  }

  /** A content for a key; what is there keeps its uid. */
  make(
    previous: StoredRecord | undefined,
    owner?: StoredRecord,
    isSmall = this.#dice.chance(0.5),
  ): RecordInit {
    this.#made++;
    const generation = `${this.#client}.${this.#made}`;
    const text = `${generation} ${"~".repeat(this.#dice.below(isSmall ? SMALL_BYTES : MAX_BYTES))}`;
    return {
      uid: previous?.uid ?? `uid-${generation}`,
      groupVersion: this.#dice.pick(["v1", "v2"]),
      generation,
      ...(owner !== undefined && { owner: { key: owner.key, uid: owner.uid } }),
      marked: this.#dice.chance(0.1),
      bytes: new TextEncoder().encode(text),
    };
  }

  /** Writes to some of the records that are there from the beginning. */
  fill(from: number, count: number): readonly Operation[] {
    return Array.from({ length: count }, (_, at) => {
      const key = fillerKey((from + at) % FILLERS);
      return { kind: "put", key, record: this.make(undefined, undefined, true), preconditions: [] };
    });
  }

  /** A step of a commit on a key of which this is known. */
  operation(key: Key, known: StoredRecord | undefined, owner?: StoredRecord): Operation {
    const preconditions = this.#dice.chance(0.75) ? [this.#precondition(known)] : [];
    const kind = this.#dice.pick(["put", "put", "put", "delete", "check"] as const);
    if (kind === "put") return { kind, key, record: this.make(known, owner), preconditions };
    return { kind, key, preconditions };
  }

  #precondition(known: StoredRecord | undefined): Precondition {
    if (known === undefined) return { kind: "absent" };
    return this.#dice.pick<Precondition>([
      { kind: "version", version: known.version },
      { kind: "version", version: known.version },
      { kind: "generation", generation: known.generation },
      { kind: "exists", uid: known.uid },
      { kind: "live" },
    ]);
  }
}
