import { createFormation, formCluster, joinCluster } from "../begin-cluster.ts";
import { createRaftNode, type RaftNodeConfig } from "../create-raft-node.ts";
import type { RaftNodeError } from "../errors.ts";
import type { NodeEvent } from "../events.ts";
import { ensureIdentity, type Formation } from "../identity.ts";
import type { Member } from "../member.ts";
import type { PeerNetwork } from "../peers.ts";
import type { RaftNode } from "../raft-node.ts";
import { ListMachine, noChunks, wordEntry } from "./list-machine.ts";
import { MemoryNetwork } from "./memory-network.ts";
import { MemoryVolume } from "./memory-volume.ts";
import { seededRandom } from "./seeded-random.ts";
import { VirtualProcess, VirtualTime } from "./virtual-time.ts";

/** Small bounds, so that what takes long in life happens soon. */
export const SMALL: RaftNodeConfig = {
  wal: {
    segmentBytes: 64 * 1024,
    hardStateBytes: 1024,
    appendBytes: 32 * 1024,
    batchBytes: 32 * 1024,
    segmentsAhead: 1,
    spareSegments: 1,
  },
  entryBytes: 8 * 1024,
  trailingEntries: 10,
};

/** One machine of a test: its disk, and the node that runs on it. */
export class TestMachine {
  readonly volume = new MemoryVolume();
  readonly events: NodeEvent[] = [];
  id = 0;
  process: VirtualProcess;
  machine = new ListMachine();
  node: RaftNode | undefined;
  failure: RaftNodeError | undefined;
  /** Whether its network fails to end. */
  failStop = false;
  readonly #time: VirtualTime;
  readonly #network: MemoryNetwork;
  readonly #config: RaftNodeConfig;
  readonly #random: () => number;

  constructor(time: VirtualTime, network: MemoryNetwork, config: RaftNodeConfig, random: () => number) {
    this.#time = time;
    this.#network = network;
    this.#config = config;
    this.#random = random;
    this.process = new VirtualProcess(time);
  }

  get running(): RaftNode {
    if (this.node === undefined) throw new Error(`node ${this.id} does not run`);
    return this.node;
  }

  kinds(): readonly string[] {
    return this.events.map(({ kind }) => kind);
  }

  async identify(): Promise<number> {
    this.id = (await ensureIdentity(this.volume.data(), this.#random)).nodeId;
    return this.id;
  }

  async start(config: RaftNodeConfig = {}): Promise<RaftNode> {
    this.process = new VirtualProcess(this.#time);
    this.machine = new ListMachine();
    const starting = createRaftNode(
      {
        clock: this.process,
        random: this.#random,
        data: this.volume.data({ process: this.process, nowMs: () => this.#time.nowMs }),
        network: this.#ending(this.#network.connect(this.id, this.process)),
        machines: [this.machine],
        onEvent: (event) => this.events.push(event),
      },
      { ...this.#config, ...config },
    );
    this.node = await this.#time.settle(starting);
    void this.node.stopped.then((failure) => {
      this.failure = failure;
    });
    return this.node;
  }

  #ending(network: PeerNetwork): PeerNetwork {
    return {
      ...network,
      stop: async () => {
        await network.stop();
        if (this.failStop) throw new Error("a connection does not end");
      },
    };
  }

  /** The process, or the power, goes. */
  crash(unsynced: "lost" | "kept" | "process" = "lost"): void {
    this.process.kill();
    this.node = undefined;
    if (unsynced === "process") this.volume.processDied();
    else this.volume.losePower(unsynced);
  }

  async stop(): Promise<void> {
    await this.#time.settle(this.running.stop());
    this.node = undefined;
  }
}

/** A cluster on virtual time. */
export class TestCluster {
  readonly time = new VirtualTime();
  readonly network = new MemoryNetwork(this.time);
  readonly machines: readonly TestMachine[];
  readonly random: () => number;
  formation: Formation | undefined;

  private constructor(size: number, config: RaftNodeConfig, seed: number) {
    this.random = seededRandom(seed);
    this.machines = Array.from(
      { length: size },
      () => new TestMachine(this.time, this.network, { ...SMALL, ...config }, this.random),
    );
  }

  /** Forms a cluster of the first `members` machines, and starts it. */
  static async form(
    members: number,
    { config = {}, spares = 0, seed = 1 }: { config?: RaftNodeConfig; spares?: number; seed?: number } = {},
  ): Promise<TestCluster> {
    const cluster = new TestCluster(members + spares, config, seed);
    const founders = cluster.machines.slice(0, members);
    const listed: Member[] = [];
    for (const [position, machine] of founders.entries())
      listed.push({ id: await machine.identify(), name: `n${position}`, address: `n${position}:1` });
    const formation = createFormation(listed, 1, cluster.random);
    cluster.formation = formation;
    for (const machine of founders) {
      await formCluster(machine.volume.data(), formation, noChunks, cluster.random);
      await machine.start();
    }
    return cluster;
  }

  /** Has an empty machine wait to be added. */
  async join(machine: TestMachine): Promise<Member> {
    const id = await machine.identify();
    await joinCluster(machine.volume.data(), this.formation?.clusterId ?? "", this.random);
    await machine.start();
    return { id, name: `n${id}`, address: `n${id}:1` };
  }

  get running(): readonly TestMachine[] {
    return this.machines.filter(({ node }) => node !== undefined);
  }

  #leading(): TestMachine | undefined {
    const leading = this.running.filter(({ node }) => node?.status().role === "leader");
    return leading.sort((a, b) => b.running.status().term - a.running.status().term)[0];
  }

  /** Waits until one leads whom a majority follows. */
  async leader(): Promise<TestMachine> {
    let found: TestMachine | undefined;
    await this.time.until("there is a leader", () => {
      found = this.#leading();
      const followers = this.running.filter(({ node }) => node?.status().leader === found?.id);
      return found !== undefined && followers.length > (found.running.status().members.length - 1) / 2;
    });
    return found as unknown as TestMachine;
  }

  /** Those that run besides the leader, once all of them follow it. */
  async followers(): Promise<readonly TestMachine[]> {
    const leader = await this.leader();
    await this.time.until("all follow", () =>
      this.running.every(({ node }) => node?.status().leader === leader.id),
    );
    return this.running.filter((machine) => machine !== leader);
  }

  /** Proposes a word on the leader and waits until it is applied there. */
  async write(word: string): Promise<number> {
    const leader = await this.leader();
    return (await this.time.settle(leader.running.propose(wordEntry(word)))).index;
  }

  async writeMany(count: number, prefix = "word"): Promise<void> {
    const leader = await this.leader();
    const all = Array.from({ length: count }, (_, at) =>
      leader.running.propose(wordEntry(`${prefix} ${at}`)),
    );
    await this.time.settle(Promise.all(all));
  }

  /** Waits until all that run show the same words, and answers them. */
  async agreement(): Promise<readonly string[]> {
    const leader = await this.leader();
    await this.time.settle(leader.running.confirmRead());
    const show = (machine: TestMachine): string =>
      JSON.stringify([machine.machine.words, machine.machine.indexes]);
    await this.time.until("all show the same", () =>
      this.running.every((machine) => show(machine) === show(leader)),
    );
    return leader.machine.words;
  }
}
