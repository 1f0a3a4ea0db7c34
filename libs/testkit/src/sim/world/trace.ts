import { crc32 } from "node:zlib";

import type { World } from "./world.ts";

/** What happened, a line for each event, with virtual time. Costs next to nothing while nobody looks. */
export class Trace {
  readonly #world: World;
  readonly #sink: ((line: string) => void) | undefined;
  #digest = 0;

  constructor(world: World, sink?: (line: string) => void) {
    this.#world = world;
    this.#sink = sink;
  }

  /** Whether lines are worth their making. */
  get isOn(): boolean {
    return this.#sink !== undefined;
  }

  /** A number that tells two traces apart, of all lines so far. */
  get digest(): number {
    return this.#digest;
  }

  /** Writes a line: who, and what. */
  note(who: string, what: string): void {
    const line = `${this.#world.nowMs.toFixed(3).padStart(11)} ${who.padEnd(8)} ${what}`;
    this.#digest = crc32(line, this.#digest);
    this.#sink?.(line);
  }
}
