import type { KeptRecord } from "./kept-record.ts";

/**
 * A key that a store has, from its creation to its deletion, with the record that it has now or had last. What is in the order of the keys is this: the
 * replacement of a record, which most commits are, changes no order, and costs a tree nothing.
 */
export class KeptKey {
  /** The key's string form. */
  readonly text: string;
  #record: KeptRecord | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** The record under it; the last one once it is deleted. Throws before the first. */
  get record(): KeptRecord {
    if (this.#record === undefined)
      throw new Error("broken invariant of a store: a key that it has has a record");
    return this.#record;
  }

  set record(record: KeptRecord) {
    this.#record = record;
  }
}
