import type { Message, NodeId } from "@trellis/raft";

import type { Announcement, OutgoingSnapshot, PeerNetwork, PeerReceiver } from "../peers.ts";
import type { VirtualProcess, VirtualTime } from "./virtual-time.ts";

interface End {
  readonly process: VirtualProcess;
  receiver: PeerReceiver | undefined;
}

/** Something on its way. */
export interface Sent {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: Message;
}

/** The network between the nodes of a test: it delivers in order after a while, unless a link is cut or a message is held back. */
export class MemoryNetwork {
  /** All that was sent. */
  readonly sent: Sent[] = [];
  /** Asked for every message; `true` loses it. */
  loses: ((sent: Sent) => boolean) | undefined;
  /** Asked for every message; `true` takes it out of the network, and the test delivers it when it likes. */
  holds: ((sent: Sent, deliver: () => void) => boolean) | undefined;
  delayMs = 1;
  readonly #time: VirtualTime;
  readonly #ends = new Map<NodeId, End>();
  readonly #cut = new Set<NodeId>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Nothing gets to or from a node any more. */
  isolate(id: NodeId): void {
    this.#cut.add(id);
  }

  heal(): void {
    this.#cut.clear();
  }

  connect(id: NodeId, process: VirtualProcess): PeerNetwork {
    const end: End = { process, receiver: undefined };
    return {
      start: (receiver) => {
        end.receiver = receiver;
        this.#ends.set(id, end);
      },
      setMembers: () => undefined,
      send: (to, messages, announcement) => this.#send(end, { from: id, to }, messages, announcement),
      sendSnapshot: (to, snapshot, signal) => this.#sendSnapshot({ from: id, to }, snapshot, signal),
      stop: async () => {
        end.receiver = undefined;
      },
    };
  }

  #isCut({ from, to }: { readonly from: NodeId; readonly to: NodeId }): boolean {
    return this.#cut.has(from) || this.#cut.has(to);
  }

  #send(
    own: End,
    ends: { readonly from: NodeId; readonly to: NodeId },
    messages: readonly Message[],
    announcement: Announcement,
  ): void {
    const target = this.#ends.get(ends.to);
    const deliver = (arrived: readonly Message[]): void => {
      // Whoever has come up under this id meanwhile takes it in too.
      const there = this.#ends.get(ends.to);
      there?.process.input(0, () => there.receiver?.receive(ends.from, arrived, announcement));
    };
    const kept = messages.filter((message) => {
      const sent = { ...ends, message };
      this.sent.push(sent);
      return this.loses?.(sent) !== true && this.holds?.(sent, () => deliver([message])) !== true;
    });
    if (this.#isCut(ends) || target?.process.isAlive !== true) {
      own.process.input(this.delayMs, () => own.receiver?.lost(ends.to));
      return;
    }
    const copies = kept.map(copyOf);
    this.#time.in(this.delayMs, () => {
      if (!this.#isCut(ends)) deliver(copies);
    });
  }

  async #sendSnapshot(
    ends: { readonly from: NodeId; readonly to: NodeId },
    snapshot: OutgoingSnapshot,
    signal: AbortSignal,
  ): Promise<void> {
    const target = this.#ends.get(ends.to);
    if (this.#isCut(ends) || target?.process.isAlive !== true)
      throw new Error(`member ${ends.to} cannot be reached`);
    this.sent.push({ ...ends, message: snapshot.message });
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("given up")), { once: true });
      target.process.input(this.delayMs, () => {
        if (target.receiver === undefined) {
          reject(new Error("nobody listens"));
          return;
        }
        const { message, bytes } = snapshot;
        target.receiver
          .receiveSnapshot(ends.from, { message, bytes, chunks: snapshot.chunks() })
          .then(resolve, reject);
      });
    });
  }
}

/** What arrives is a copy. */
function copyOf(message: Message): Message {
  return {
    ...message,
    entries: message.entries.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) })),
  };
}
