import type { Random } from "@trellis/resource";
import type { WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { Artist, type Rpc, typeMessage } from "../test-support/fixture.ts";

/** Events of the longest stretch between two cuts. */
const MAX_STRETCH = 2_000;

/** Watches all artists through streams that it cuts anywhere, each resumed where the last one stood, as the protocol says. */
export class CutWatcher {
  /** What it saw, in words: `<version> put <name>`, `<version> delete <name>`. */
  readonly seen: string[] = [];
  readonly #rpc: Rpc;
  readonly #random: Random;
  readonly #left = new AbortController();
  #reached: string;
  #cuts = 0;

  constructor(rpc: Rpc, random: Random, sinceVersion: string) {
    this.#rpc = rpc;
    this.#random = random;
    this.#reached = sinceVersion;
  }

  /** The version up to which it has seen everything. */
  get reached(): string {
    return this.#reached;
  }

  /** How often it left a stream. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Watches until `leave` is called. Throws whatever ends a stream. */
  async run(): Promise<void> {
    while (!this.#left.signal.aborted) await this.#stretch(1 + Math.floor(this.#random() * MAX_STRETCH));
  }

  leave(): void {
    this.#left.abort();
  }

  /** Reads some events. Those of a commit that the cut goes through are forgotten: they are sent again. */
  async #stretch(length: number): Promise<void> {
    const cut = new AbortController();
    const signal = AbortSignal.any([cut.signal, this.#left.signal]);
    const request = { type: typeMessage(Artist), sinceVersion: this.#reached };
    const commit: string[] = [];
    let events = 0;
    try {
      for await (const event of this.#rpc.watchList(request, { signal })) {
        this.#take(event, commit);
        events += 1;
        if (events === length) break;
      }
    } catch (error) {
      if (!this.#left.signal.aborted) throw error;
    } finally {
      this.#cuts += 1;
      cut.abort();
    }
  }

  #take({ event, version }: WatchEvent, commit: string[]): void {
    if (event.case === "upsert") commit.push(`put ${event.value.resource?.id?.name}`);
    if (event.case === "delete") commit.push(`delete ${event.value.resource?.id?.name}`);
    if (version === "") return;
    this.seen.push(...commit.splice(0).map((words) => `${version} ${words}`));
    this.#reached = version;
  }
}
