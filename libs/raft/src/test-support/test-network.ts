import type { Message, MessageType } from "../message.ts";
import { RaftError } from "../errors.ts";
import type { NodeId } from "../numbers.ts";
import { TestNode, type TestNodeOptions } from "./test-node.ts";

/** A network that delivers everything at once and in order, except what it was told to lose. */
export class TestNetwork {
  readonly nodes = new Map<NodeId, TestNode>();
  readonly #cut = new Set<string>();
  readonly #ignored = new Set<MessageType>();
  /** Sees every message before it is delivered; false loses it. */
  onMessage: (message: Message) => boolean = () => true;

  constructor(nodes: readonly (TestNode | undefined)[]) {
    for (const [at, node] of nodes.entries()) if (node !== undefined) this.nodes.set(at + 1, node);
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** Puts a restarted node in the place of the old one. */
  replace(id: NodeId, options: TestNodeOptions = {}): TestNode {
    const { voters, learners } = this.node(id).confState;
    const node = new TestNode({ id, voters, learners, ...options, storage: this.node(id).storage });
    this.nodes.set(id, node);
    return node;
  }

  /** Does something on a node, and lets the network go on until it is quiet. */
  on(id: NodeId, act: (node: TestNode) => void): void {
    act(this.node(id));
    this.settle();
  }

  /** The node asks for an election. */
  campaign(id: NodeId): void {
    this.on(id, (node) => node.core.campaign());
  }

  /** Sends a message from outside. */
  send(message: Message): void {
    this.#deliver(message);
    this.settle();
  }

  /** Delivers until there is nothing more to deliver, in rounds: what nodes do in one round they do at the same time. */
  settle(): void {
    for (;;) {
      const messages = [...this.nodes.values()].flatMap((node) => node.drain());
      if (messages.length === 0) return;
      for (const message of messages) this.#deliver(message);
    }
  }

  #deliver(message: Message): void {
    const { from, to, type } = message;
    const isLost = this.#cut.has(`${from}-${to}`) || this.#ignored.has(type);
    const receiver = this.nodes.get(to);
    if (isLost || receiver === undefined || !this.onMessage(message)) return;
    try {
      receiver.core.step(message);
    } catch (error) {
      if (!RaftError.is(error)) throw error;
    }
  }

  /** Loses everything between two nodes. */
  cut(a: NodeId, b: NodeId): void {
    this.#cut.add(`${a}-${b}`).add(`${b}-${a}`);
  }

  /** Loses everything to and from a node. */
  isolate(id: NodeId): void {
    for (const other of this.nodes.keys()) if (other !== id) this.cut(id, other);
  }

  ignore(type: MessageType): void {
    this.#ignored.add(type);
  }

  /** Loses nothing any more. */
  heal(): void {
    this.#cut.clear();
    this.#ignored.clear();
    this.onMessage = () => true;
  }

  get leaders(): NodeId[] {
    return [...this.nodes.values()].filter(({ state }) => state.role === "leader").map(({ id }) => id);
  }
}

/** A network of fresh voters 1 to `size`. */
export function freshNetwork(size: number, options: TestNodeOptions = {}): TestNetwork {
  const voters = Array.from({ length: size }, (_, at) => at + 1);
  return new TestNetwork(voters.map((id) => new TestNode({ ...options, id, voters })));
}
