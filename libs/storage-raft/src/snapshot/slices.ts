/** Resolves in the next turn of the event loop. */
export type NextTurn = () => Promise<void>;

/** Steps of one slice: a quarter of a millisecond of encoding, a whole one of decoding. A commit waits for several slices, one in each of its turns. */
const SLICE_STEPS = 64;
/** Remembered results that are as much work as a record. */
const RESULTS_PER_STEP = 4;
/** Bytes of one slice. */
const SLICE_BYTES = 1024 * 1024;

/** Counts work, and says when others are to go first: not by the clock, so that two runs do the same in the same turns. */
export class Slices {
  readonly #nextTurn: NextTurn;
  #steps = 0;
  #bytes = 0;

  constructor(nextTurn: NextTurn) {
    this.#nextTurn = nextTurn;
  }

  /** Notes the work on an item of so many bytes, which holds so many remembered results. True when the slice is over: `rest` is due. */
  step(bytes: number, results: number): boolean {
    this.#steps += 1 + results / RESULTS_PER_STEP;
    this.#bytes += bytes;
    return this.#steps >= SLICE_STEPS || this.#bytes >= SLICE_BYTES;
  }

  /** Lets others go first. */
  async rest(): Promise<void> {
    this.#steps = 0;
    this.#bytes = 0;
    await this.#nextTurn();
  }
}
