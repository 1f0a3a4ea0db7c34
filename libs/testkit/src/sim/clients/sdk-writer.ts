import { isConnectError } from "@trellis/resource";
import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";

import type { Dice } from "../world/dice.ts";
import { contentOf } from "./sdk-watcher.ts";

const { Artist } = v2;
const NAMES = ["a", "b", "c", "d", "e"];

/** Somebody who writes and deletes with the SDK, one resource or several in a transaction; what became of it others watch. */
export class SdkWriter {
  readonly #client: Client;
  readonly #dice: Dice;
  #written = 0;

  constructor(client: Client, dice: Dice) {
    this.#client = client;
    this.#dice = dice;
  }

  /** Does one thing. Rejects with what is no error of a call. */
  async step(): Promise<void> {
    try {
      await this.#change();
    } catch (error) {
      if (!isConnectError(error)) throw error;
    }
  }

  async #change(): Promise<void> {
    const client = this.#client;
    const name = this.#dice.pick(NAMES);
    const chance = this.#dice.next();
    if (chance < 0.3) await client.delete(Artist, { name });
    else if (chance < 0.6) await client.write(Artist, { name, data: { name: this.#content([name]) } });
    else await client.resources.transact({ operations: this.#several() });
  }

  #several() {
    const some = NAMES.filter(() => this.#dice.chance(0.6));
    const names = some.length === 0 ? NAMES : some;
    const text = new TextEncoder().encode(this.#content(names));
    return names.map((name) => {
      const { group, groupVersion, kind, schema } = Artist;
      const data = {
        typeUrl: `type.googleapis.com/${schema.typeName}`,
        value: Uint8Array.of(10, text.length, ...text),
      };
      const resource = { id: { type: { group, groupVersion, kind }, name }, data };
      return { operation: { case: "write" as const, value: { resource } } };
    });
  }

  #content(names: readonly string[]): string {
    return contentOf(++this.#written, names);
  }
}
