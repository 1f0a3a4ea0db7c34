import type { Dice } from "../world/dice.ts";
import type { World } from "../world/world.ts";

/** What a network does to what is sent over it. */
export interface Weather {
  /** Probability that something is lost. */
  lossRate: number;
  /** Probability that something arrives twice. */
  duplicateRate: number;
  /** Mean delay, in milliseconds. */
  delayMs: number;
  /** Probability of a delay a hundred times the mean: what comes later overtakes. */
  lateRate: number;
}

const LATE_FACTOR = 100;

/** A network as it should be. */
export const CALM: Weather = { lossRate: 0, duplicateRate: 0, delayMs: 1, lateRate: 0 };

/** The links between hosts, each direction for itself: they delay, lose, repeat and reorder, and can be cut. */
export class Links {
  readonly weather: Weather = { ...CALM };
  readonly #world: World;
  readonly #dice: Dice;
  readonly #cuts = new Map<string, Set<string>>();

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
  }

  /** Nothing gets from one host to the other any more; what is on its way is lost. */
  cut(from: string, to: string): void {
    const there = this.#cuts.get(from);
    if (there === undefined) this.#cuts.set(from, new Set([to]));
    else there.add(to);
  }

  heal(from: string, to: string): void {
    this.#cuts.get(from)?.delete(to);
  }

  healAll(): void {
    this.#cuts.clear();
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.get(from)?.has(to) === true;
  }

  /** Sends something. What is lost is reported to `lost`, as a connection that breaks is; not at once, and not always. */
  send(from: string, to: string, arrive: () => void, lost: () => void = () => undefined): void {
    const { lossRate, duplicateRate } = this.weather;
    if (this.isCut(from, to) || this.#dice.chance(lossRate)) {
      if (this.#dice.chance(0.5)) this.#world.in(this.delayMs(), lost);
      return;
    }
    this.#deliver(from, to, arrive, lost);
    if (this.#dice.chance(duplicateRate)) this.#deliver(from, to, arrive, () => undefined);
  }

  /** Sends a part of a stream, which arrives once or breaks the stream. */
  stream(from: string, to: string, arrive: () => void, broken: () => void): void {
    if (this.isCut(from, to) || this.#dice.chance(this.weather.lossRate / 4)) {
      this.#world.in(this.delayMs(), broken);
      return;
    }
    this.#deliver(from, to, arrive, broken);
  }

  delayMs(): number {
    const { delayMs, lateRate } = this.weather;
    const mean = this.#dice.chance(lateRate) ? delayMs * LATE_FACTOR : delayMs;
    return delayMs / 4 + this.#dice.around(mean);
  }

  #deliver(from: string, to: string, arrive: () => void, lost: () => void): void {
    this.#world.in(this.delayMs(), () => {
      if (this.isCut(from, to)) lost();
      else arrive();
    });
  }
}
