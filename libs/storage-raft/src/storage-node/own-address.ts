import { ConnectError, createClient } from "@connectrpc/connect";
import { ClusterService } from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import { PeerService } from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import type { PeerConnection, RaftNode } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";

/** How often a node looks whether the cluster knows where it is, and how long the leader may take to note it. */
const LOOK_MS = 1_000;
const ANSWER_MS = 5_000;
/** Reasons that are told once each; beyond them all are forgotten. */
const MAX_REASONS = 16;

/** What keeping an address works with. */
export interface OwnAddressDeps {
  readonly node: Pick<RaftNode, "id" | "status">;
  readonly clock: Pick<Clock, "after">;
  readonly connect: (address: string) => PeerConnection;
  /** Told why it is not noted: once per reason. */
  readonly onRefused?: ((reason: string) => void) | undefined;
}

/** By what a node is known. */
interface Attributes {
  readonly name: string;
  readonly address: string;
}

/**
 * Has the cluster know a member by the name and the address under which it was started, also when they are others than before: ids are for ever, addresses are
 * attributes. Asks the leader until it is so. Who is sent nothing any more, since the leader sends it where it was, knows of no leader: it asks the other members in turn, who pass it on.
 * The answer ends that.
 */
export function keepOwnAddress(deps: OwnAddressDeps, attributes: Attributes): () => void {
  const keeper = new AddressKeeper(deps, attributes);
  keeper.start();
  return () => keeper.end();
}

class AddressKeeper {
  readonly #deps: OwnAddressDeps;
  readonly #own: Attributes;
  readonly #told = new Set<string>();
  #cancel: () => void = () => undefined;
  #isOver = false;
  #asked = 0;

  constructor(deps: OwnAddressDeps, own: Attributes) {
    this.#deps = deps;
    this.#own = own;
  }

  start(): void {
    if (this.#isOver) return;
    this.#cancel = this.#deps.clock.after(LOOK_MS, () => void this.#look().then(() => this.start()));
  }

  end(): void {
    this.#isOver = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    const { id, leader, members } = this.#deps.node.status();
    const { name, address } = this.#own;
    const self = members.find((member) => member.id === id);
    if (self === undefined || (self.name === name && self.address === address)) return;
    if (leader === undefined && self.address !== address && (await this.#isElsewhere(self.address))) {
      this.#refused(
        `member ${self.name} runs at ${self.address} as well, on a copy of this directory; end one of the two, and give it an empty directory and --join`,
      );
      return;
    }
    const at = this.#whomToAsk();
    if (at !== undefined && !this.#isOver) await this.#ask(at);
  }

  #whomToAsk(): string | undefined {
    const { id, leader, members, role } = this.#deps.node.status();
    // The leader is asked at its own port as well, where it finds itself.
    if (role === "leader") return this.#own.address;
    const known = members.find((member) => member.id === leader);
    const others = members.filter((member) => member.id !== id);
    return (known ?? others[this.#asked++ % others.length])?.address;
  }

  async #ask(address: string): Promise<void> {
    const connection = this.#deps.connect(address);
    try {
      await createClient(ClusterService, connection.transport).addMember(this.#own, { timeoutMs: ANSWER_MS });
    } catch (error) {
      this.#refused(ConnectError.from(error).message);
    } finally {
      connection.close();
    }
  }

  /** Whether another process is this member, where the cluster has it: one that knows a leader, as this one does not. Two that vote under one id would undo what a majority is for. */
  async #isElsewhere(address: string): Promise<boolean> {
    const { node, connect } = this.#deps;
    const connection = connect(address);
    try {
      const peer = createClient(PeerService, connection.transport);
      const { nodeId } = await peer.identify({}, { timeoutMs: ANSWER_MS });
      if (nodeId !== BigInt(node.id)) return false;
      const cluster = createClient(ClusterService, connection.transport);
      const { leaderId } = await cluster.getStatus({ local: true }, { timeoutMs: ANSWER_MS });
      return leaderId !== 0n && node.status().leader === undefined;
    } catch {
      return false;
    } finally {
      connection.close();
    }
  }

  #refused(reason: string): void {
    if (this.#told.has(reason)) return;
    if (this.#told.size >= MAX_REASONS) this.#told.clear();
    this.#told.add(reason);
    this.#deps.onRefused?.(reason);
  }
}
