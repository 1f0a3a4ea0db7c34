import { StorageError, type TypeQuery, type Version, type Watch, type WatchBatch } from "@trellis/storage";

import type { History, RecordedWatch } from "../../history/history.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Links } from "../network/links.ts";
import type { Dice } from "../world/dice.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";

/** What a watcher works with. */
export interface WatcherParts {
  readonly name: string;
  readonly world: World;
  readonly cluster: Cluster;
  readonly links: Links;
  readonly history: History;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly query: TypeQuery;
}

/** Between two watches. */
const PAUSE_MS = 150;
/** A watch of which nothing is heard for so long is given up. */
const SILENCE_MS = 4_000;
const BOOKMARK_MS = 500;

/** Watches over one replica after the other: where one breaks off, the next one goes on. */
export class SimulatedWatcher {
  readonly #parts: WatcherParts;
  #storeId: string | undefined;
  /** Where the next watch goes on; undefined to begin with a snapshot. */
  #resume: Version | undefined;
  /** Watches that went on where another had ended. */
  resumed = 0;

  constructor(parts: WatcherParts) {
    this.#parts = parts;
  }

  /** The version up to which everything that is watched was seen. */
  get reached(): Version | undefined {
    return this.#resume;
  }

  /** Watches until the answer is true. */
  async run(isOver: () => boolean): Promise<void> {
    const { dice, world, cluster, trace, name } = this.#parts;
    while (!isOver()) {
      const machine = dice.pick(cluster.machines);
      const end = await this.#watch(machine, isOver);
      trace.note(name, `watch on ${machine.name} ended: ${end}`);
      if (end === "history-gone" || end === "store-changed") this.#resume = undefined;
      await world.sleep(PAUSE_MS * dice.between(0.5, 2));
    }
  }

  /** Watches over one replica. Answers why that ended. */
  async #watch(machine: Machine, isOver: () => boolean): Promise<string> {
    const { history, name, query, world } = this.#parts;
    const since = this.#resume;
    const recorded: RecordedWatch = {
      kind: "watch",
      client: name,
      startedAt: history.moment(),
      query,
      since,
      batches: [],
    };
    history.recorded.push(recorded);
    if (since !== undefined) this.resumed++;
    let heardMs = world.nowMs;
    return await new Promise<string>((resolve) => {
      const stream = new WatchStream(this.#parts, machine, { since, storeId: this.#storeId });
      let isDone = false;
      const end = (why: string): void => {
        if (isDone) return;
        isDone = true;
        stream.close();
        resolve(why);
      };
      stream.open({
        onBatch: (batch, storeId) => {
          if (isDone) return;
          heardMs = world.nowMs;
          recorded.batches.push(batch);
          this.#storeId = storeId;
          if (batch.kind !== "snapshot") this.#resume = batch.version;
          if (this.#parts.dice.chance(0.002)) end("changed its mind");
        },
        onEnd: end,
      });
      const look = (): void => {
        if (isDone) return;
        if (isOver()) end("over");
        else if (world.nowMs - heardMs > SILENCE_MS) end("silence");
        else world.in(PAUSE_MS, look);
      };
      look();
    });
  }
}

/** One watch over the network: the replica sends a batch when the one before has arrived. */
class WatchStream {
  readonly #parts: WatcherParts;
  readonly #machine: Machine;
  readonly #from: { readonly since: Version | undefined; readonly storeId: string | undefined };
  #isClosed = false;
  #watch: Watch | undefined;
  #process: SimulatedProcess | undefined;

  constructor(
    parts: WatcherParts,
    machine: Machine,
    from: { readonly since: Version | undefined; readonly storeId: string | undefined },
  ) {
    this.#parts = parts;
    this.#machine = machine;
    this.#from = from;
  }

  open(handlers: {
    readonly onBatch: (batch: WatchBatch, storeId: string) => void;
    readonly onEnd: (why: string) => void;
  }): void {
    const { links, name, query, world } = this.#parts;
    const broken = (): void => handlers.onEnd("the connection broke");
    const toServer = (arrive: () => void): void => {
      links.stream(name, this.#machine.name, arrive, broken);
    };
    toServer(() => {
      const { process, replica } = this.#machine;
      if (process?.isAlive !== true || replica === undefined) {
        world.in(links.delayMs(), () => handlers.onEnd("nobody listens"));
        return;
      }
      this.#process = process;
      process.onExit(() => world.in(links.delayMs(), broken));
      const toClient = (arrive: () => void): void => {
        links.stream(this.#machine.name, name, arrive, broken);
      };
      const failed = (error: unknown): void => {
        if (!StorageError.is(error)) {
          this.#parts.cluster.safety.report(`a watch on ${process.name} fails: ${String(error)}`);
          return;
        }
        toClient(() => handlers.onEnd(error.code));
      };
      const next = async (): Promise<void> => {
        const batch = await this.#watch?.next();
        if (batch === undefined) return;
        const { storeId } = replica.backend.position();
        toClient(() => {
          handlers.onBatch(batch, storeId);
          if (!this.#isClosed) toServer(() => process.input(0, () => void next().catch(failed)));
        });
      };
      process.input(0, () => {
        if (this.#isClosed) return;
        const { since, storeId } = this.#from;
        try {
          this.#watch = replica.backend.watch(query, {
            ...(since !== undefined && { since: { version: since, storeId } }),
            bookmarkIntervalMs: BOOKMARK_MS,
          });
        } catch (error) {
          failed(error);
          return;
        }
        next().catch(failed);
      });
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#process?.input(0, () => this.#watch?.close());
  }
}
