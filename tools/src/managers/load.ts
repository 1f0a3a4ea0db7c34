import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";
import type { Dice } from "@trellis/testkit";

import { COPIERS, copiesOf } from "./copying.ts";

/** Artists that change, and how often one of them does. */
const ARTISTS = 24;
const EVERY_MS = 80;
const LOOK_EVERY_MS = 250;

/** Changes artists, until it is stopped. */
export class ArtistLoad {
  readonly #client: Client;
  readonly #dice: Dice;
  readonly #names = Array.from({ length: ARTISTS }, (_, at) => `artist-${at}`);
  #running: Promise<void> | undefined;
  #stopped = false;
  /** Changes that were acknowledged. */
  changes = 0;

  constructor(client: Client, dice: Dice) {
    this.#client = client;
    this.#dice = dice;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** What differs from a copy of each artist by each controller, computed from scratch; after a while, unless all is as it should be sooner. */
  async differences(patienceMs: number): Promise<readonly string[]> {
    for (const endMs = performance.now() + patienceMs; ;) {
      const found = await this.#differences();
      if (found.length === 0 || performance.now() > endMs) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const name = this.#dice.pick(this.#names);
      this.changes += 1;
      await this.#client.write(v2.Artist, { name, data: { name: `change ${this.changes}` } });
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  async #differences(): Promise<readonly string[]> {
    const strong = { consistency: "strong" } as const;
    const artists = await allOf(this.#client.list(v2.Artist, {}, strong));
    const albums = await allOf(this.#client.list(v2.Album, {}, strong));
    const titles = new Map(albums.map(({ id, data }) => [id.name, data.title]));
    const expected = new Map(
      artists.flatMap(({ id, data }) =>
        COPIERS.flatMap((copier) => copiesOf(id.name, copier).map((copy) => [copy, data.name] as const)),
      ),
    );
    const wrong = [...expected].filter(([name, title]) => titles.get(name) !== title);
    const surplus = [...titles.keys()].filter((name) => !expected.has(name));
    return [
      ...wrong.map(([name, title]) => `${name}: expected "${title}", found "${titles.get(name)}"`),
      ...surplus.map((name) => `${name}: expected none`),
    ];
  }
}

async function allOf<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of list) all.push(one);
  return all;
}
