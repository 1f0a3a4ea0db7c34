import { type ConnectedClient, connectClient } from "@trellis/client/node";

import { albumId } from "../bench/albums.ts";
import { changeOf, type Ledger } from "../kill/ledger.ts";
import { ResumedWatcher } from "../kill/watcher.ts";
import { change, listAll } from "../kill/writers.ts";

/** Written by nobody else: whoever has seen it has seen what was before. */
const MARKER = 10_000_000;
/** How long a watch may take to show all that has happened, on a busy machine. */
const SEE_MS = 60_000;
/** Between two streams of a watch. */
const PAUSE_MS = 50;

/** A watch at each gateway, resumed whenever it is cut, and the judgement at the end: of what is there, and of what the watches showed. */
export class Watchers {
  readonly #clients: readonly ConnectedClient[];
  readonly #watchers: readonly ResumedWatcher[];
  readonly #stopping = new AbortController();
  readonly #watching: Promise<unknown>;

  constructor(gateways: readonly string[]) {
    this.#clients = gateways.map((server) => connectClient({ server }));
    this.#watchers = gateways.map((_, at) => new ResumedWatcher(`the watcher at gateway-${at + 1}`));
    this.#watching = Promise.all(this.#watchers.map((watcher, at) => this.#watch(watcher, at)));
  }

  /** How often a watch had to begin anew. */
  get restarts(): number {
    return this.#watchers.reduce((sum, { restarts }) => sum + restarts, 0);
  }

  /** Once nobody writes any more: holds what is there, and what was watched, against what was acknowledged. */
  async judge(ledger: Ledger): Promise<readonly string[]> {
    const client = this.#clients[0]?.resources;
    if (client === undefined) return ["there is no gateway to judge at"];
    if (!(await change(client, ledger, MARKER, 1))) return [...ledger.findings, "the last write failed"];
    const { name } = albumId(MARKER);
    const marker = changeOf("put", name, ledger.find(name)?.version ?? 0);
    // Behind the marker in the same client's time: the list shows it, and all that was acknowledged before it.
    const { found, version } = await listAll(client);
    ledger.noteStore(version);
    ledger.settle(found);
    await Promise.all(this.#watchers.map((watcher) => watcher.until(marker, SEE_MS)));
    const changes = ledger.takeChanges();
    for (const watcher of this.#watchers) watcher.compare(changes);
    return [...ledger.findings, ...this.#watchers.flatMap(({ findings }) => findings)];
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    for (const client of this.#clients) client.close();
    await this.#watching;
  }

  async #watch(watcher: ResumedWatcher, at: number): Promise<void> {
    const client = this.#clients[at];
    while (client !== undefined && !this.#stopping.signal.aborted) {
      await watcher.watch(client.resources, this.#stopping.signal);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
