import {
  type Backend,
  StorageError,
  type TypeQuery,
  type Version,
  type Watch,
  type WatchBatch,
} from "@trellis/storage";

import type { History, RecordedWatch } from "../../history/history.ts";
import type { Safety } from "../checks/safety.ts";
import type { Links } from "../network/links.ts";
import type { Dice } from "../world/dice.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";
import type { Host } from "./host.ts";

/** Who can be watched: replicas, or gateways. */
export type WatchedHost = Host<{ readonly backend: Backend }>;

/** What a watcher works with. */
export interface WatcherParts {
  readonly name: string;
  readonly world: World;
  /** Whom it watches by turns. */
  readonly hosts: readonly WatchedHost[];
  readonly safety: Safety;
  readonly links: Links;
  readonly history: History;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly query: TypeQuery;
  /** Probability that it takes its time after a batch, so that what it watches goes on without it; never when left out. */
  readonly restRate?: number;
}

/** Between two watches. */
const PAUSE_MS = 150;
/** A watch of which nothing is heard for so long is given up. */
const SILENCE_MS = 4_000;
const BOOKMARK_MS = 500;
/** How long a watcher takes its time, at most. */
const REST_MS = 3_000;

/** Watches over one host after the other: where one breaks off, the next one goes on. */
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
    const { dice, world, hosts, trace, name } = this.#parts;
    while (!isOver()) {
      const host = dice.pick(hosts);
      const end = await this.#watch(host, isOver);
      trace.note(name, `watch on ${host.name} ended: ${end}`);
      if (end === "history-gone" || end === "store-changed") this.#resume = undefined;
      await world.sleep(PAUSE_MS * dice.between(0.5, 2));
    }
  }

  /** Watches over one host. Answers why that ended. */
  async #watch(host: WatchedHost, isOver: () => boolean): Promise<string> {
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
      const stream = new WatchStream(this.#parts, host, { since, storeId: this.#storeId });
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

/** One watch over the network: the host sends a batch when the one before has arrived. */
class WatchStream {
  readonly #parts: WatcherParts;
  readonly #host: WatchedHost;
  readonly #from: { readonly since: Version | undefined; readonly storeId: string | undefined };
  #isClosed = false;
  #watch: Watch | undefined;
  #process: SimulatedProcess | undefined;

  constructor(
    parts: WatcherParts,
    host: WatchedHost,
    from: { readonly since: Version | undefined; readonly storeId: string | undefined },
  ) {
    this.#parts = parts;
    this.#host = host;
    this.#from = from;
  }

  open(handlers: {
    readonly onBatch: (batch: WatchBatch, storeId: string) => void;
    readonly onEnd: (why: string) => void;
  }): void {
    const { links, name, query, world, dice, restRate = 0 } = this.#parts;
    const broken = (): void => handlers.onEnd("the connection broke");
    const toServer = (arrive: () => void): void => {
      links.stream(name, this.#host.name, arrive, broken);
    };
    toServer(() => {
      const { process, service } = this.#host;
      if (process?.isAlive !== true || service === undefined) {
        world.in(links.delayMs(), () => handlers.onEnd("nobody listens"));
        return;
      }
      this.#process = process;
      process.onExit(() => world.in(links.delayMs(), broken));
      const toClient = (arrive: () => void): void => {
        links.stream(this.#host.name, name, arrive, broken);
      };
      const failed = (error: unknown): void => {
        if (!StorageError.is(error)) {
          this.#parts.safety.report(`a watch on ${process.name} fails: ${String(error)}`);
          return;
        }
        toClient(() => handlers.onEnd(error.code));
      };
      const next = async (): Promise<void> => {
        const batch = await this.#watch?.next();
        if (batch === undefined) return;
        const { storeId } = service.backend.position();
        toClient(() => {
          handlers.onBatch(batch, storeId);
          const askForMore = (): void => {
            if (!this.#isClosed) toServer(() => process.input(0, () => void next().catch(failed)));
          };
          if (restRate > 0 && dice.chance(restRate)) world.in(dice.between(0, REST_MS), askForMore);
          else askForMore();
        });
      };
      process.input(0, () => {
        if (this.#isClosed) return;
        const { since, storeId } = this.#from;
        try {
          this.#watch = service.backend.watch(query, {
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
