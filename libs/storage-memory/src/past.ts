import type { Version } from "@trellis/storage";

import type { Cell } from "./cell.ts";
import type { KeptRecord } from "./kept-record.ts";

/** What was in a cell, from its version to before another. */
interface Former {
  readonly record: KeptRecord;
  readonly until: Version;
  /** What was there before that, as far as it is remembered in the same layer. */
  readonly older: Former | undefined;
}

/** Cells in one layer: what of it the looks that begin with it never ask for stays as long as they do. */
const LAYER_CELLS = 8192;

/** What was replaced in one stretch of time. */
class Layer {
  readonly formers = new Map<Cell, Former>();
  /** What was replaced after that; undefined for the newest. */
  later: Layer | undefined;
}

/**
 * What cells held before they were changed, for those who look at an older version: for nobody, nothing. A look ends when nobody refers to it any more, which the
 * garbage collector tells. What was replaced before the oldest look began is unreachable then; of what comes later each cell is remembered once for a look.
 */
export class Past {
  #newest: Layer | undefined;
  /** Those that were not found to have ended. */
  #looks = 0;
  /** The newest version that anybody looks at. */
  #lookedAt: Version | undefined;
  readonly #ended = new FinalizationRegistry<undefined>(() => this.#end());

  /** Begins to look at a version, which is the store's of now. */
  look(version: Version): Look {
    this.#newest ??= new Layer();
    this.#looks += 1;
    this.#lookedAt = version;
    const look = new Look(version, this.#newest);
    this.#ended.register(look, undefined);
    return look;
  }

  /** Notes that a record, which is in the cell, is replaced or deleted by the commit of a version. */
  replaced(cell: Cell, record: KeptRecord, until: Version): void {
    if (this.#newest === undefined || this.#lookedAt === undefined || record.version > this.#lookedAt) return;
    if (this.#newest.formers.size >= LAYER_CELLS) this.#newest = this.#newest.later = new Layer();
    const { formers } = this.#newest;
    formers.set(cell, { record, until, older: formers.get(cell) });
  }

  #end(): void {
    this.#looks -= 1;
    if (this.#looks === 0) this.#newest = this.#lookedAt = undefined;
  }
}

/** Shows what cells held at one version, for as long as somebody has it. */
export class Look {
  readonly version: Version;
  readonly #first: Layer;

  constructor(version: Version, first: Layer) {
    this.version = version;
    this.#first = first;
  }

  /** What was in a cell that was there at this version. */
  find(cell: Cell): KeptRecord {
    const { record } = cell;
    if (record !== undefined && record.version <= this.version) return record;
    for (let layer: Layer | undefined = this.#first; layer !== undefined; layer = layer.later) {
      for (let former = layer.formers.get(cell); former !== undefined; former = former.older)
        if (former.record.version <= this.version && this.version < former.until) return former.record;
    }
    throw new Error(`broken invariant of a store: ${cell.text} was changed after ${this.version} unnoticed`);
  }
}
