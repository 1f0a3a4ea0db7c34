import { confChange, type ConfChangeStep } from "../confchange/conf-change.ts";
import { RaftError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { NodeId } from "../numbers.ts";
import type { RaftOptions } from "../options.ts";
import { isVoter } from "../quorum/joint.ts";
import { seededRandom } from "./random.ts";
import { ReadChecks, SafetyChecks } from "./safety-checks.ts";
import { SimulatedNode, type NodeEvents } from "./simulated-node.ts";
import { bytes, snapshotAt } from "./test-node.ts";

/** What a run is made of. */
export interface SimulationOptions {
  readonly seed: number;
  /** Nodes; the first three (or all, when fewer) are the initial voters, the others wait to be added. */
  readonly nodes: number;
  readonly raft: Partial<RaftOptions>;
  /** True to change the members all the time. */
  readonly changesMembers: boolean;
}

/** Messages under way; the oldest ones are lost when there are more. */
const maxMessages = 500;

/**
 * A cluster under a hostile scheduler: who does what next, and what gets lost, comes from the seed alone. Everything is
 * checked while it happens.
 */
export class Simulation {
  readonly nodes: SimulatedNode[] = [];
  readonly safety = new SafetyChecks();
  readonly reads = new ReadChecks();
  readonly #random: (below: number) => number;
  readonly #options: SimulationOptions;
  #messages: Message[] = [];
  /** Pairs that cannot reach each other, as `from-to`. */
  #cut = new Set<string>();
  /** In hundredths. */
  #lossRate = 5;
  #proposed = 0;
  /** Per value, the node that waits for its application. */
  readonly #waiting = new Map<string, NodeId>();
  readonly acknowledged = new Set<string>();
  /** What happened how often, to see that a run was not idle. */
  readonly counts = { elections: 0, crashes: 0, snapshots: 0, changes: 0 };

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const voters = Array.from({ length: Math.min(3, options.nodes) }, (_, at) => at + 1);
    const initial = snapshotAt(1, 1, { voters });
    for (let id = 1; id <= options.nodes; id++) {
      const raft = {
        electionTicks: 10,
        heartbeatTicks: 2,
        random: this.#random,
        maxMessageBytes: 60,
        maxCommittedBytesPerReady: 200,
        maxInflightMessages: 4,
        stepDownOnRemoval: true,
        ...options.raft,
      };
      this.nodes.push(new SimulatedNode(id, voters.includes(id) ? initial : undefined, raft, this.#events()));
    }
  }

  #events(): NodeEvents {
    return {
      send: (message) => {
        this.safety.sent(message);
        this.#messages.push(message);
        const oldest = this.#messages.length > maxMessages ? this.#messages.shift() : undefined;
        if (oldest !== undefined) this.#deliver(oldest, true);
      },
      onReady: (node, { softState, entries, snapshot }) => {
        const first = entries[0];
        if (first !== undefined) {
          const before = first.index - 1;
          // Under the entries there may be a snapshot that comes along with them, instead of what is stored.
          const { index, term } = snapshot?.metadata ?? {};
          this.safety.appended(entries, index === before ? term : node.termAt(before));
        }
        if (snapshot !== undefined) this.counts.snapshots++;
        if (softState?.role === "leader") {
          this.counts.elections++;
          this.#checkLeader(node);
        }
      },
      onApplied: (node, entry) => {
        this.safety.applied(node, entry);
        if (entry.type !== "EntryNormal") this.counts.changes++;
        const value = new TextDecoder().decode(entry.data);
        if (this.#waiting.get(value) !== node.id) return;
        this.#waiting.delete(value);
        this.acknowledged.add(value);
        this.reads.answered(entry.index);
      },
      onRead: (node, context) => this.reads.served(context, node.applied),
    };
  }

  #checkLeader(node: SimulatedNode): void {
    const { term } = node.core.hardState();
    const { firstIndex } = node.core.status();
    this.safety.leaderSeen(node, term, (index) => node.termAt(index), firstIndex);
  }

  /** One thing happens. */
  step(): void {
    const node = this.#anyNode();
    const chance = this.#random(1000);
    if (chance < 60) node.core.tick();
    else if (chance < 280) node.takeReady();
    else if (chance < 460) node.sync();
    else if (chance < 560) node.applyNext();
    else if (chance < 900) this.#deliverOne();
    else if (chance < 940) this.#propose(node);
    else if (chance < 970) this.#read(node);
    else if (chance < 980) node.compact(this.#random(4));
    else if (chance < 983) node.core.transferLeadership(this.#anyNode().id);
    else if (chance < 985) node.core.forgetLeader();
    else if (chance < 990) this.#changeMembers(node);
    else if (chance < 993) this.#partition();
    else if (chance < 996) this.#heal();
    else if (chance < 998) this.#crash(node);
    else node.core.reportUnreachable(this.#anyNode().id);
  }

  #anyNode(): SimulatedNode {
    const node = this.nodes[this.#random(this.nodes.length)];
    if (node === undefined) throw new Error("a simulation without nodes");
    return node;
  }

  /** One of the messages under way arrives, or is lost, or stays and arrives again. */
  #deliverOne(): void {
    if (this.#messages.length === 0) return;
    const at = this.#random(Math.min(this.#messages.length, 20));
    const message = this.#messages[at];
    if (message === undefined) return;
    const isDuplicated = this.#random(100) < 3;
    if (!isDuplicated) this.#messages.splice(at, 1);
    const isLost = this.#cut.has(`${message.from}-${message.to}`) || this.#random(100) < this.#lossRate;
    this.#deliver(message, isLost);
  }

  #deliver(message: Message, isLost: boolean): void {
    if (!isLost) attempt(() => this.nodes[message.to - 1]?.core.step(message));
    if (message.type === "MsgSnap") {
      this.nodes[message.from - 1]?.core.reportSnapshot(message.to, isLost ? "failed" : "delivered");
    }
  }

  #propose(node: SimulatedNode): void {
    const value = `v${this.#proposed++}`;
    if (attempt(() => node.core.propose(bytes(value)))) this.#waiting.set(value, node.id);
  }

  #read(node: SimulatedNode): void {
    const context = `r${this.#proposed++}`;
    this.reads.asked(context);
    attempt(() => node.core.readIndex(bytes(context)));
  }

  #changeMembers(node: SimulatedNode): void {
    if (!this.#options.changesMembers) return;
    const types = ["add-node", "add-node", "add-learner", "remove-node"] as const;
    const steps = Array.from({ length: this.#random(4) }, (): ConfChangeStep => {
      return { type: types[this.#random(types.length)] ?? "add-node", nodeId: this.#anyNode().id };
    });
    // Leaders and proposers may be among the removed.
    const transition = steps.length > 0 && this.#random(3) === 0 ? "joint-implicit" : "auto";
    const change = confChange(steps, { transition });
    attempt(() => node.core.proposeConfChange(change));
  }

  #partition(): void {
    const side = new Set(this.nodes.filter(() => this.#random(2) === 0).map(({ id }) => id));
    const oneWay = this.#random(4) === 0;
    for (const { id: from } of this.nodes) {
      for (const { id: to } of this.nodes) {
        if (side.has(from) && !side.has(to)) {
          this.#cut.add(`${from}-${to}`);
          if (!oneWay) this.#cut.add(`${to}-${from}`);
        }
      }
    }
    this.#lossRate = this.#random(30);
  }

  #heal(): void {
    this.#cut = new Set();
    this.#lossRate = this.#random(10);
  }

  #crash(node: SimulatedNode): void {
    this.counts.crashes++;
    for (const [value, id] of this.#waiting) if (id === node.id) this.#waiting.delete(value);
    node.crash(this.#random(3));
  }

  /** Nothing fails any more: goes on until a proposal made now has reached all members. False if that takes for ever. */
  recovers(maxRounds = 2000): boolean {
    this.#heal();
    this.#lossRate = 0;
    const value = "last words";
    for (let round = 0; round < maxRounds; round++) {
      for (const node of this.nodes) {
        node.core.tick();
        for (let times = 0; times < 10 && node.isBusy; times++) {
          node.takeReady();
          node.sync();
          node.applyNext();
        }
      }
      const messages = this.#messages;
      this.#messages = [];
      for (const message of messages) this.#deliver(message, false);
      const leader = this.leader;
      if (leader === undefined) continue;
      if (round % 50 === 49 && !this.safety.indexOfValue.has(value))
        attempt(() => leader.core.propose(bytes(value)));
      if (this.safety.indexOfValue.has(value) && this.#isConverged(leader)) return true;
    }
    return false;
  }

  /** The leader of the highest term. */
  get leader(): SimulatedNode | undefined {
    const leaders = this.nodes.filter(({ core }) => core.status().softState.role === "leader");
    return leaders.toSorted((a, b) => b.core.hardState().term - a.core.hardState().term)[0];
  }

  #isConverged(leader: SimulatedNode): boolean {
    const { configuration } = leader.core.status();
    const members = this.nodes.filter(
      ({ id }) => isVoter(configuration.voters, id) || configuration.learners.has(id),
    );
    return members.every(({ applied }) => applied === this.safety.highestCommitted);
  }
}

/** True when the call was taken; errors that callers have to expect are not the simulation's business. */
function attempt(call: () => void): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (!RaftError.is(error)) throw error;
    return false;
  }
}
