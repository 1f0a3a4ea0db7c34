/** A load is warm when so many slices in a row were no cheaper than the cheapest before them. */
const SLICES_NO_CHEAPER = 2;
/** What is more is noise, and not cheaper. */
const CHEAPER = 0.95;

/** Whether a load that is run in slices gets cheaper still: while a server compiles what it runs, and fills its caches, it does. */
export class Warmth {
  #cheapest = Infinity;
  #noCheaper = 0;

  /** Notes what an operation cost in a slice. */
  note(cost: number): void {
    this.#noCheaper = cost < CHEAPER * this.#cheapest ? 0 : this.#noCheaper + 1;
    if (cost < this.#cheapest) this.#cheapest = cost;
  }

  get isWarm(): boolean {
    return this.#noCheaper >= SLICES_NO_CHEAPER;
  }
}
