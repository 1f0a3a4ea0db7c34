import { type ConnectedClient, connectClient } from "@trellis/client/node";

import type { Ledger } from "../kill/ledger.ts";
import { attempt, RESOURCES } from "../kill/writers.ts";
import type { Meter } from "./meter.ts";

/** A deadline that allows waiting for a leader: no call may fail. */
const DEADLINE_MS = 10_000;

/** What clients work with. */
export interface ClientParts {
  readonly ledger: Ledger;
  readonly meter: Meter;
  /** Takes each error that a client saw. */
  readonly failed: (error: string) => void;
}

/** Clients with resources of their own, each with a connection and one write after the other, by turns through each of the gateways. */
export class WritingClients {
  readonly #parts: ClientParts;
  readonly #clients: readonly ConnectedClient[];
  readonly #work: Promise<unknown>;
  #isOver = false;

  constructor(parts: ClientParts, gateways: readonly string[], count: number) {
    this.#parts = parts;
    this.#clients = Array.from({ length: count }, (_, at) =>
      connectClient({ server: gateways[at % gateways.length] ?? "", timeoutMs: DEADLINE_MS }),
    );
    this.#work = Promise.all(this.#clients.map((client, at) => this.#write(client, at)));
  }

  /** Ends when all have their last answer. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#work;
    for (const client of this.#clients) client.close();
  }

  async #write(client: ConnectedClient, number: number): Promise<void> {
    const { ledger, meter, failed } = this.#parts;
    // Of what nobody answered nobody knows the state: it is left alone from then on, and another takes its place.
    let first = number * RESOURCES;
    for (let step = 1; !this.#isOver; step++) {
      const item = first + (step % RESOURCES);
      const done = meter.begin();
      try {
        await attempt(client.resources, ledger, item, step);
        done(true);
      } catch (error) {
        done(false);
        failed(`client ${number + 1}, step ${step}: ${(error as Error).message}`);
        first += this.#clients.length * RESOURCES;
      }
    }
  }
}
