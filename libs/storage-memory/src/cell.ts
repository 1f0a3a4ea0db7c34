import type { KeptRecord } from "./kept-record.ts";
import type { Former } from "./past.ts";

/**
 * The place of a key in a store, the same object for as long as something is there: maps and trees lead to it, so that to replace a record changes it and
 * nothing else. Once its record was deleted the store has no such cell any more, and whoever still has it finds nothing there.
 */
export class Cell {
  /** The string form of the key. */
  readonly text: string;
  /** What is stored now. */
  record: KeptRecord | undefined;
  /** What was there before, as far as somebody looks at it: the newest. */
  former: Former | undefined;

  constructor(text: string) {
    this.text = text;
    this.record = undefined;
    this.former = undefined;
  }
}
