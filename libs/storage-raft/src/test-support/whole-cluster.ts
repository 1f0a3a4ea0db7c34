import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  createFormation,
  ensureIdentity,
  formCluster,
  openDataDirectory,
  type PeerNetwork,
  type PeerReceiver,
} from "@trellis/raft-node";
import type { StoreLimits } from "@trellis/storage-memory";
import type { VirtualClock } from "@trellis/testing";

import { firstChunks } from "../open-local-store.ts";
import { type Replica, startReplica } from "../start-replica.ts";
import { BusyDisks } from "./busy-disks.ts";
import { SMALL_WAL } from "./local-stores.ts";
import { turns } from "./turns.ts";

const TIMES = { tickMs: 1_000, heartbeatMs: 1_000, electionMs: 5_000 };
const TICKS_AT_MOST = 1_000;
/** For tests with few bytes. */
const SMALL = { wal: SMALL_WAL, entryBytes: 8 * 1024 };

/** What a cluster is made of. */
export interface WholeClusterOptions {
  readonly clock: VirtualClock;
  readonly limits?: Partial<StoreLimits> | undefined;
  /** Turns of the event loop by which one follower hears of everything later. */
  readonly lagTurns: number;
  /** Whether entries are of the size that a commit may have; the log's files are large then. */
  readonly hasLargeEntries?: boolean;
}

/** Three whole replicas: real nodes on real disks, in one process, whose messages take no time but turns of the event loop. */
export class WholeCluster {
  readonly #clock: VirtualClock;
  readonly #root: string;
  readonly #replicas = new Map<number, Replica>();
  readonly #receivers = new Map<number, PeerReceiver>();
  readonly #lagTurns: number;
  readonly #disks = new BusyDisks();
  #isStopped = false;
  /** Who lags. */
  #lagging = 0;

  private constructor(root: string, { clock, lagTurns }: WholeClusterOptions) {
    this.#root = root;
    this.#clock = clock;
    this.#lagTurns = lagTurns;
  }

  static async form(options: WholeClusterOptions): Promise<WholeCluster> {
    const root = await mkdtemp(join(tmpdir(), "trellis-whole-cluster-"));
    const cluster = new WholeCluster(root, options);
    const directories = await Promise.all(
      ["n1", "n2", "n3"].map(async (name) => {
        const data = cluster.#disks.watch(await openDataDirectory(join(root, name)));
        return { name, data, id: (await ensureIdentity(data, Math.random)).nodeId };
      }),
    );
    const members = directories.map(({ name, id }) => ({ id, name, address: `${name}:7511` }));
    const formation = createFormation(members, 1, Math.random);
    for (const { id, data } of directories) {
      await formCluster(data, formation, firstChunks, Math.random);
      const network = cluster.#connect(id);
      const nextTurn = (callback: () => void): void => void setImmediate(callback);
      const deps = { clock: options.clock, random: Math.random, nextTurn, data, network };
      const sizes = options.hasLargeEntries === true ? {} : SMALL;
      const config = { ...TIMES, ...sizes, limits: options.limits };
      cluster.#replicas.set(id, await startReplica(deps, config));
    }
    const leader = await cluster.leader();
    cluster.#lagging = [...cluster.#replicas.keys()].find((id) => id !== leader.node.id) ?? 0;
    return cluster;
  }

  /** The follower that lags. */
  get lagging(): Replica {
    return this.#replicas.get(this.#lagging) as Replica;
  }

  /** How all of it stands, for who wonders why it does not go on. */
  describe(): string {
    const nodes = [...this.#replicas.values()].map(({ node, machine }) => ({
      ...node.status(),
      shows: machine.hasStore ? machine.position : undefined,
    }));
    const lagging = this.#lagging;
    const atMs = this.#clock.monotonic();
    return JSON.stringify({ nodes, lagging, disks: this.#disks.waiting, atMs, isStopped: this.#isStopped });
  }

  /** Who leads, as soon as somebody does and all know it. */
  async leader(): Promise<Replica> {
    for (let tick = 0; tick < TICKS_AT_MOST; tick++) {
      const all = [...this.#replicas.values()];
      const found = all.find(({ node }) => node.status().role === "leader");
      if (found !== undefined && all.every(({ node }) => node.status().leader === found.node.id))
        return found;
      await this.advance(TIMES.tickMs);
    }
    throw new Error(`expected a leader within ${TICKS_AT_MOST} ticks`);
  }

  /** Lets time pass, tick by tick, each once all disks have done what they were asked: they take no time of this clock. */
  async advance(milliseconds: number): Promise<void> {
    for (let leftMs = milliseconds; leftMs >= 0; leftMs -= TIMES.tickMs) {
      await this.#disks.quiet();
      await this.#clock.advance(Math.min(leftMs, TIMES.tickMs));
    }
    await this.#disks.quiet();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const replica of this.#replicas.values()) {
      let isOver = false;
      const stopping = replica.stop().finally(() => {
        isOver = true;
      });
      // A leader waits for another to take over, and in the end there is none.
      for (await this.#disks.quiet(); !isOver; await this.#disks.quiet())
        await this.#clock.advance(TIMES.tickMs);
      await stopping;
    }
    await rm(this.#root, { recursive: true });
  }

  #connect(id: number): PeerNetwork {
    return {
      start: (receiver) => void this.#receivers.set(id, receiver),
      setMembers: () => undefined,
      send: (to, messages, announcement) => {
        const lag = to === this.#lagging ? this.#lagTurns : 1;
        void turns(lag).then(() => this.#receivers.get(to)?.receive(id, messages, announcement));
      },
      sendSnapshot: async (to, snapshot) => {
        const { message, bytes } = snapshot;
        await this.#receivers.get(to)?.receiveSnapshot(id, { message, bytes, chunks: snapshot.chunks() });
      },
      stop: async () => void this.#receivers.delete(id),
    };
  }
}
