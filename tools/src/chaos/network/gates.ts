/** Who talks to whom, one way. */
export interface Way {
  readonly from: string;
  readonly to: string;
}

/** Which ways between processes are cut. What waits at a cut passes once it is mended. */
export class Gates {
  /** How often each way is cut now: two faults may cut the same one. */
  readonly #cuts = new Map<string, number>();
  readonly #waiting = new Map<string, Set<() => void>>();

  isOpen(way: Way): boolean {
    return !this.#cuts.has(textOf(way));
  }

  cut(way: Way): void {
    const text = textOf(way);
    this.#cuts.set(text, (this.#cuts.get(text) ?? 0) + 1);
  }

  mend(way: Way): void {
    const text = textOf(way);
    const left = (this.#cuts.get(text) ?? 1) - 1;
    if (left > 0) {
      this.#cuts.set(text, left);
      return;
    }
    this.#cuts.delete(text);
    const waiting = this.#waiting.get(text) ?? [];
    this.#waiting.delete(text);
    for (const pass of waiting) pass();
  }

  /** Passes at once when the way is open, or else once it is. */
  whenOpen(way: Way, pass: () => void): void {
    if (this.isOpen(way)) {
      pass();
      return;
    }
    const text = textOf(way);
    const waiting = this.#waiting.get(text) ?? new Set();
    this.#waiting.set(text, waiting.add(pass));
  }
}

function textOf({ from, to }: Way): string {
  return `${from} ${to}`;
}
