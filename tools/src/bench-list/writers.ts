import { seededRandom } from "@trellis/testing";

import { nextTurn } from "./next-turn.ts";
import { ARTIST, draftOf, nameOf, type World } from "./world.ts";

/** Clients that write at the same time. */
const WRITERS = 8;
/** Shares of what they do; the rest changes what is there. */
const CREATES = 0.1;
const DELETES = 0.1;

/** Clients that change, create and delete resources, each at once after its last answer. */
export class Writers {
  readonly #world: World;
  readonly #resources: number;
  readonly #random = seededRandom(1);
  #running: Promise<unknown> | undefined;
  #isStopping = false;
  #writes = 0;

  constructor(world: World, resources: number) {
    this.#world = world;
    this.#resources = resources;
  }

  /** Answered writes so far. */
  get writes(): number {
    return this.#writes;
  }

  start(): void {
    this.#running = Promise.all(Array.from({ length: WRITERS }, () => this.#write()));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #write(): Promise<void> {
    const { rpc } = this.#world;
    while (!this.#isStopping) {
      const draw = this.#random();
      const number = Math.floor(this.#random() * this.#resources);
      const name = draw < CREATES ? `artist-${number}-new` : nameOf(number);
      if (draw < CREATES || draw >= CREATES + DELETES) {
        await rpc.write({ resource: draftOf(name, `title ${this.#writes}`) });
      } else await rpc.delete({ id: { type: ARTIST, name } });
      this.#writes += 1;
      await nextTurn();
    }
  }
}
