import { ConnectError } from "@connectrpc/connect";
import { connectClient, type ConnectedClient } from "@trellis/client/node";
import { v2 } from "@trellis/demo";
import { errorReason } from "@trellis/resource";
import { createDice, eventually } from "@trellis/testkit";

import { AlbumLister, listAlbums } from "./album-lister.ts";
import { AlbumWatcher } from "./album-watcher.ts";
import { AlbumWriter } from "./album-writer.ts";
import { Book } from "./book.ts";

/** What came of it. */
export interface AlbumVerdict {
  readonly acknowledged: number;
  readonly lists: number;
  readonly interrupts: number;
  /** Watchers that were told of a gap. */
  readonly gaps: number;
  /** Errors that clients saw, by reason. */
  readonly errors: ReadonlyMap<string, number>;
  readonly findings: readonly string[];
}

const WRITERS = 6;
const DEADLINE_MS = 10_000;
/** How long the watches may take to show all, once everything is well again. */
const SEE_MS = 60_000;
const LAST = "the-last";
/** Of a write that makes the log grow. */
const BULK_BYTES = 700 * 1024;
const BULK = "bulk";

/** Clients of the resource API through both gateways: writers, readers, listers and watchers. */
export class AlbumClients {
  readonly book = new Book();
  readonly #prefix: string;
  readonly #clients: readonly ConnectedClient[];
  readonly #watchers: readonly AlbumWatcher[];
  readonly #listers: readonly AlbumLister[];
  readonly #leaving = new AbortController();
  readonly #errors = new Map<string, number>();
  #work: Promise<unknown> = Promise.resolve();
  #isOver = false;

  private constructor(gateways: readonly string[], prefix: string, seed: number) {
    this.#prefix = prefix;
    const connect = (at: number): ConnectedClient =>
      connectClient({ server: gateways[at % gateways.length] ?? "", timeoutMs: DEADLINE_MS });
    const writers = Array.from({ length: WRITERS }, (_, at) => connect(at));
    const readers = gateways.map((_, at) => connect(at));
    this.#clients = [...writers, ...readers];
    const { book } = this;
    const { signal } = this.#leaving;
    this.#watchers = readers.map(
      (client, at) =>
        new AlbumWatcher({ name: `the watcher at gateway-${at + 1}`, client, prefix, book, signal }),
    );
    this.#listers = readers.map(
      (client, at) => new AlbumLister(client, { prefix, book, dice: createDice(seed, `list ${at}`) }),
    );
    const isOver = (): boolean => this.#isOver;
    const failed = (error: unknown): void => this.#count(error);
    const begin = async (): Promise<unknown> =>
      await Promise.all([
        ...writers.map((client, at) => {
          const dice = createDice(seed, `write ${at}`);
          return new AlbumWriter({ client, book, dice, prefix: `${prefix}${at}-`, failed }).work(isOver);
        }),
        ...this.#listers.map((lister) => lister.work(isOver, failed)),
      ]);
    this.#work = Promise.all(this.#watchers.map(({ begun }) => begun)).then(begin);
    this.#work.catch(
      (error: unknown) => void book.findings.push(`a client gave up: ${(error as Error).message}`),
    );
  }

  /** Begins: against the gateways at these URLs, with resources whose names begin as nobody else's. */
  static start(gateways: readonly string[], prefix: string, seed: number): AlbumClients {
    return new AlbumClients(gateways, prefix, seed);
  }

  /** Writes a lot, again and again over itself, so that the logs need room; for so long at most. Failures are of no account. */
  async bulk(times: number, limitMs: number): Promise<void> {
    const [client] = this.#clients;
    const untilMs = performance.now() + limitMs;
    for (let at = 0; at < times && client !== undefined && performance.now() < untilMs; at++) {
      const data = { title: `${at} ${performance.now()} ${"x".repeat(BULK_BYTES)}` };
      await client.write(v2.Album, { name: BULK, data }).catch((error: unknown) => this.#count(error));
    }
  }

  /** Once nothing is broken any more: waits until every watch has shown everything, and judges all of it. */
  async finish(): Promise<AlbumVerdict> {
    this.#isOver = true;
    await this.#work;
    const [client] = this.#clients;
    if (client === undefined) throw new Error("expected clients, found none");
    const name = `${this.#prefix}${LAST}`;
    const revision = this.book.ask(name);
    const { resource } = await client.write(v2.Album, {
      name,
      metadata: { revision },
      data: { title: revision },
    });
    this.book.acknowledge({ name, revision, version: Number(resource.version) });
    await eventually(() => {
      const missing = this.#watchers.filter((watcher) => !watcher.hasShown(revision));
      if (missing.length > 0)
        throw new Error(`${missing.map(({ name }) => name).join(", ")} has not shown the last write`);
    }, SEE_MS).catch((error: unknown) => void this.book.findings.push((error as Error).message));
    const stored = await listAlbums(client, this.#prefix, { consistency: "strong" });
    await this.close();
    return {
      acknowledged: this.book.acknowledged,
      lists: this.#listers.reduce((sum, { lists }) => sum + lists, 0),
      interrupts: this.#watchers.reduce((sum, { interrupts }) => sum + interrupts, 0),
      gaps: this.#watchers.filter(({ hasGap }) => hasGap).length,
      errors: this.#errors,
      findings: this.book.judge(this.#watchers, stored),
    };
  }

  /** Ends writing and listing; the watches go on. */
  async pause(): Promise<void> {
    this.#isOver = true;
    await this.#work.catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.pause();
    this.#leaving.abort();
    await Promise.allSettled(this.#watchers.map(({ ended }) => ended));
    for (const client of this.#clients) client.close();
  }

  #count(error: unknown): void {
    const kind = errorReason(error) ?? ConnectError.from(error).message.slice(0, 80);
    this.#errors.set(kind, (this.#errors.get(kind) ?? 0) + 1);
  }
}
