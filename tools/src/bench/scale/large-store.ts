import { join } from "node:path";

import { snapshotDue } from "@trellis/raft-node";

import { Operator } from "../../cluster/operator.ts";
import { BenchError } from "../bench-error.ts";
import { Dataset } from "../dataset.ts";
import { fill } from "../fill.ts";
import { GRPC } from "../raw/forms.ts";
import { RawClient } from "../raw/raw-client.ts";
import type { Tell } from "../run-bench.ts";
import { TrellisCalls } from "../trellis/trellis-calls.ts";
import type { ScaleContext } from "./context.ts";
import { whole } from "./figure.ts";
import { ScaleServer } from "./scale-server.ts";

/** Connections of a client: 64 calls under way are on so many. */
export const CONNECTIONS = 8;
/** How often it is told how far the filling is. */
const TELL_EVERY = 50_000;
/** A server makes a snapshot by itself after 100,000 entries, or more: it is far from that with no more than so many. */
const FEW_ENTRIES = 40_000;
/** How near it is brought to the next snapshot. */
const ALMOST = 0.95;
/** Bytes of a resource in a snapshot, of those of the entry that writes it. */
const RECORDS_OF_ENTRIES = 0.85;
/** A small store's resources are written anew so often at most. */
const MOST_WRITES = 10;
/** Resources written by one call. */
const BATCH = 100;
/** How long a snapshot of many millions may take. */
const SNAPSHOT_MS = 10 * 60_000;

/** What such a store works with. */
export type LargeStoreDeps = Pick<ScaleContext, "directory" | "tell" | "times">;

/** A standalone server that is filled step by step, and what is known of its resources. */
export class LargeStore {
  readonly server: ScaleServer;
  readonly data = new Dataset(0);
  /** Resident memory before anything was stored. */
  readonly emptyBytes: number;
  readonly #tell: Tell;
  readonly #settleMs: number;
  #filledBytes = 0;

  private constructor(server: ScaleServer, emptyBytes: number, { tell, times }: LargeStoreDeps) {
    this.server = server;
    this.emptyBytes = emptyBytes;
    this.#tell = tell;
    this.#settleMs = times.settleMs;
  }

  static async start(name: string, deps: LargeStoreDeps): Promise<LargeStore> {
    deps.tell(`starts the ${name} server`);
    const server = await ScaleServer.start(name, join(deps.directory, name));
    return new LargeStore(server, await server.settledBytes(deps.times.settleMs), deps);
  }

  /** Writes resources until there are so many. */
  async fillTo(count: number): Promise<void> {
    const from = this.data.keys;
    if (from >= count) return;
    const { name } = this.server;
    this.#tell(`writes ${whole(count - from)} resources to the ${name} server, which has ${whole(from)}`);
    this.data.grow(count);
    await this.use(async (calls) => {
      let told = from;
      const onWritten = (items: number): void => {
        if (items - told < TELL_EVERY) return;
        told = items;
        this.#tell(`${whole(items)} of ${whole(count)} are there`);
      };
      await fill(calls, count, { from, onWritten });
    });
    this.#filledBytes = await this.server.settledBytes(this.#settleMs);
  }

  /** What its process took more after it was filled last than when it was empty, for each resource, in bytes. */
  get filledBytesPerResource(): number {
    return this.bytesPerResource(this.#filledBytes);
  }

  /** The same of a figure of its process. */
  bytesPerResource(residentBytes: number): number {
    return (residentBytes - this.emptyBytes) / this.data.keys;
  }

  /** Does something with connections of its own. */
  async use<Result>(
    run: (calls: TrellisCalls) => Promise<Result>,
    connections = CONNECTIONS,
  ): Promise<Result> {
    const client = await RawClient.open(this.server.url, connections);
    try {
      return await run(new TrellisCalls(client, this.data, GRPC));
    } finally {
      client.close();
    }
  }

  /** Has the server make a snapshot of now, through the API; resolves once it is on disk, with its size in bytes. */
  async snapshot(): Promise<number> {
    return await this.#operate(async (operator) =>
      operator.ask(async (client, options) => {
        for await (const { content } of client.saveSnapshot({}, options)) {
          // Its description comes once it is written; nobody wants the file.
          if (content.case === "description") return Number(content.value.bytes);
        }
        throw new BenchError("the server's snapshot has no description");
      }, SNAPSHOT_MS),
    );
  }

  /** Has a snapshot made now unless the next one that the server makes by itself is far away. */
  async keepSnapshotsAway(): Promise<void> {
    if ((await this.entriesBehindSnapshot()) > FEW_ENTRIES) await this.snapshot();
  }

  /** Has a snapshot made now, and then writes so many of the resources anew that the next is almost due. */
  async lengthenLog(): Promise<void> {
    const { name } = this.server;
    const bytes = await this.snapshot();
    const due = snapshotDue(bytes);
    const ofBytes = (due.bytes / bytes) * this.data.keys * RECORDS_OF_ENTRIES;
    const entries = Math.floor(Math.min(due.entries, ofBytes, this.data.keys * MOST_WRITES) * ALMOST);
    this.#tell(`writes ${whole(entries)} of the ${name} server's resources anew`);
    let left = entries;
    const runCaller = async (calls: TrellisCalls, caller: number): Promise<void> => {
      while (left > 0) {
        const items = Array.from({ length: Math.min(left, BATCH) }, () => this.data.nextItem());
        left -= items.length;
        // Each an entry of its own: what is written together is one.
        await calls.writeMany(caller, items, false);
      }
    };
    await this.use((calls) =>
      Promise.all(Array.from({ length: CONNECTIONS }, (_, caller) => runCaller(calls, caller))),
    );
  }

  /** Entries of the log that are not in the newest snapshot. */
  async entriesBehindSnapshot(): Promise<number> {
    return await this.#operate(async (operator) => {
      const { appliedIndex, snapshotIndex } = await operator.leader();
      return Number(appliedIndex - snapshotIndex);
    });
  }

  async #operate<Result>(run: (operator: Operator) => Promise<Result>): Promise<Result> {
    const operator = new Operator([this.server.url]);
    try {
      return await run(operator);
    } finally {
      operator.close();
    }
  }
}
