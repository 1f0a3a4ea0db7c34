import { isEmptyHardState } from "../hard-state.ts";
import type { Message, MessageType } from "../message.ts";
import { appendThread, isLocalThread, type NodeId } from "../numbers.ts";
import { describeMessage, describeReady } from "./describe.ts";
import { Output } from "./output.ts";
import { recordedText, ScriptError } from "./script-error.ts";
import type { ScriptNode } from "./script-node.ts";

/** Rounds after which a script that does not come to rest is given up. */
const maxRounds = 10_000;

/** Who is to receive messages, or to lose them. */
export interface Recipient {
  readonly id: NodeId;
  readonly drops: boolean;
}

/** The nodes of a script, numbered from 1, with one ordered list of messages under way. */
export class Environment {
  readonly output = new Output();
  readonly nodes: ScriptNode[] = [];
  messages: Message[] = [];

  node(id: NodeId): ScriptNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new ScriptError(`there is no node ${id}`);
    return node;
  }

  /** Handles one Ready: prints it, does what it says. */
  processReady(id: NodeId): void {
    const node = this.node(id);
    const ready = node.core.ready();
    this.output.write(describeReady(ready));
    const isAsync = node.options.asyncStorageWrites === true;
    if (!isAsync) {
      node.store(ready);
      node.apply(ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (!isLocalThread(message.to)) this.messages.push(message);
      else if (message.to === appendThread) node.appendWork.push(message);
      else node.applyWork.push(message);
    }
    if (!isAsync) node.core.advance();
  }

  /** The append thread does the oldest of its work. */
  processAppendThread(id: NodeId): void {
    const node = this.node(id);
    const work = node.appendWork.shift();
    if (work === undefined) {
      this.output.write("no append work to perform");
      return;
    }
    this.#printWork(work);
    const { term, vote, commit, entries, snapshot } = work;
    const hardState = { term, vote, commit };
    node.store({ hardState: isEmptyHardState(hardState) ? undefined : hardState, entries, snapshot });
    this.#respond(work);
  }

  /** The apply thread does the oldest of its work. */
  processApplyThread(id: NodeId): void {
    const node = this.node(id);
    const work = node.applyWork.shift();
    if (work === undefined) {
      this.output.write("no apply work to perform");
      return;
    }
    this.#printWork(work);
    node.apply(work.entries);
    this.#respond(work);
  }

  #printWork(work: Message): void {
    this.output.writeLine("Processing:");
    this.output.writeLine(describeMessage({ ...work, responses: [] }));
  }

  #respond({ responses }: Message): void {
    this.output.writeLine("Responses:");
    for (const response of responses) this.output.writeLine(describeMessage(response));
    this.messages.push(...responses);
  }

  /** Delivers what is under way to these recipients, in their order. Returns how many messages that were. */
  deliver(recipients: readonly Recipient[], type?: MessageType): number {
    let delivered = 0;
    for (const recipient of recipients) {
      const messages = this.#take(recipient, type);
      delivered += messages.length;
      for (const message of messages) this.#deliverOne(recipient, message);
    }
    return delivered;
  }

  /** True when something is under way to a node. */
  hasMessagesFor(id: NodeId): boolean {
    return this.messages.some(({ to }) => to === id);
  }

  #take({ id, drops }: Recipient, type: MessageType | undefined): Message[] {
    const isTaken = (message: Message): boolean =>
      message.to === id && !(drops && staysOnNode(message)) && (type === undefined || message.type === type);
    const taken = this.messages.filter(isTaken);
    this.messages = this.messages.filter((message) => !isTaken(message));
    return taken;
  }

  #deliverOne({ id, drops }: Recipient, message: Message): void {
    this.output.writeLine(`${drops ? "dropped: " : ""}${describeMessage(message)}`);
    if (drops) return;
    try {
      this.node(id).core.step(message);
    } catch (error) {
      const text = recordedText(error);
      if (text === undefined) throw error;
      this.output.writeLine(text);
    }
  }

  /** Goes round until nothing is left to do: Readies, messages, then the threads. */
  stabilize(ids: readonly NodeId[]): void {
    const nodes = ids.map((id) => ({ id, node: this.node(id) }));
    let rounds = 0;
    for (let isQuiet = false; !isQuiet;) {
      if (rounds++ === maxRounds)
        throw new ScriptError(`expected quiet after ${maxRounds} rounds of stabilize`);
      isQuiet = true;
      const under = (title: string, work: () => void): void => {
        isQuiet = false;
        this.output.writeLine(title);
        this.output.indented(work);
      };
      for (const { id, node } of nodes) {
        if (node.core.hasReady()) under(`> ${id} handling Ready`, () => this.processReady(id));
      }
      for (const { id } of nodes) {
        if (this.hasMessagesFor(id)) {
          under(`> ${id} receiving messages`, () => this.deliver([{ id, drops: false }]));
        }
      }
      for (const { id, node } of nodes) {
        if (node.appendWork.length > 0) {
          under(`> ${id} processing append thread`, () => {
            while (node.appendWork.length > 0) this.processAppendThread(id);
          });
        }
      }
      for (const { id, node } of nodes) {
        if (node.applyWork.length > 0) {
          under(`> ${id} processing apply thread`, () => {
            while (node.applyWork.length > 0) this.processApplyThread(id);
          });
        }
      }
    }
  }
}

/** Messages between a node and itself or its threads do not get lost. */
function staysOnNode({ from, to }: Message): boolean {
  return from === to || isLocalThread(from) || isLocalThread(to);
}
