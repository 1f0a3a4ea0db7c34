import { createRaftNode, type RaftNodeConfig } from "../create-raft-node.ts";
import type { RaftNode } from "../raft-node.ts";
import { ListMachine, wordEntry } from "./list-machine.ts";
import { MemoryNetwork } from "./memory-network.ts";
import type { MemoryVolume } from "./memory-volume.ts";
import { seededRandom } from "./seeded-random.ts";
import { SMALL } from "./test-cluster.ts";
import { VirtualProcess, VirtualTime } from "./virtual-time.ts";

/** A node without others on a disk that answers at once. */
export class LoneNode {
  machine = new ListMachine();
  readonly #time = new VirtualTime();
  readonly #volume: MemoryVolume;
  #process = new VirtualProcess(this.#time);
  #node: RaftNode | undefined;

  constructor(volume: MemoryVolume) {
    this.#volume = volume;
  }

  get running(): RaftNode {
    if (this.#node === undefined) throw new Error("the node does not run");
    return this.#node;
  }

  async start(config: RaftNodeConfig = {}): Promise<void> {
    this.#process = new VirtualProcess(this.#time);
    this.machine = new ListMachine();
    this.#node = await this.#time.settle(
      createRaftNode(
        {
          clock: this.#process,
          random: seededRandom(8),
          data: this.#volume.data(),
          network: new MemoryNetwork(this.#time).connect(1, this.#process),
          machines: [this.machine],
        },
        { ...SMALL, ...config },
      ),
    );
    // It leads, and what it had committed is applied, or it never will: it is a learner, or its disk fails.
    await this.#time.pass(100);
  }

  async write(word: string): Promise<void> {
    await this.#time.until("it leads", () => this.running.status().role === "leader");
    await this.#time.settle(this.running.propose(wordEntry(word)));
  }

  crash(): void {
    this.#process.kill();
    this.#volume.losePower("lost");
  }

  async stop(): Promise<void> {
    await this.#time.settle(this.running.stop());
    this.#process.kill();
  }
}
