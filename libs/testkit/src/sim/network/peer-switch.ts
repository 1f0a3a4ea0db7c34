import type { Message, NodeId } from "@trellis/raft";
import type { Announcement, Member, OutgoingSnapshot, PeerNetwork } from "@trellis/raft-node";

import type { Links } from "./links.ts";
import type { Port } from "./port.ts";
import { SnapshotStream } from "./snapshot-stream.ts";

/** Told of every message as it is sent. */
export type MessageObserver = (from: NodeId, message: Message) => void;

/** Messages of these types travel apart from all others, which never wait behind them. */
const APPEND_TYPES: ReadonlySet<string> = new Set(["MsgApp", "MsgAppResp"]);

/** Connects replicas to each other over {@link Links}: messages, and snapshots in pieces. */
export class PeerSwitch {
  /** Probability that a snapshot breaks off at a piece. */
  breakRate = 0;
  readonly links: Links;
  /** By the id under which each is known. */
  readonly #ports = new Map<NodeId, Port>();
  readonly #onMessage: MessageObserver;
  readonly #chance: (probability: number) => boolean;

  constructor(links: Links, onMessage: MessageObserver, chance: (probability: number) => boolean) {
    this.links = links;
    this.#onMessage = onMessage;
    this.#chance = chance;
  }

  /** The network of one process, which ends with it. */
  connect(port: Omit<Port, "receiver" | "known" | "atClose">): PeerNetwork {
    const own: Port = { ...port, receiver: undefined, known: new Set(), atClose: new Set() };
    const disconnect = (): void => {
      own.receiver = undefined;
      if (this.#ports.get(own.id) === own) this.#ports.delete(own.id);
      for (const close of own.atClose) close();
    };
    own.process.onExit(disconnect);
    return {
      start: (receiver) => {
        own.receiver = receiver;
        this.#ports.set(own.id, own);
      },
      setMembers: (members: readonly Member[]) => {
        own.known = new Set(members.map(({ id }) => id));
      },
      send: (to, messages, announcement) => {
        for (const message of messages) this.#onMessage(own.id, message);
        this.#send(own, to, messages, announcement);
      },
      sendSnapshot: (to, snapshot, signal) => this.#sendSnapshot(own, to, snapshot, signal),
      stop: async () => disconnect(),
    };
  }

  /** Who listens under an id, if it is in the same cluster and its address is known. */
  reach(from: Port, to: NodeId): Port | undefined {
    const port = from.known.has(to) ? this.#ports.get(to) : undefined;
    return port?.clusterId === from.clusterId ? port : undefined;
  }

  #send(from: Port, to: NodeId, messages: readonly Message[], announcement: Announcement): void {
    const lost = (): void => {
      from.process.input(0, () => from.receiver?.lost(to));
    };
    const target = this.reach(from, to);
    if (target === undefined) {
      if (this.#chance(0.5)) lost();
      return;
    }
    for (const lane of lanes(messages)) {
      const copies = lane.map(copyOf);
      const arrive = (): void => {
        // Whoever has come up under this id meanwhile is reached by a new connection only.
        if (this.reach(from, to) !== target) return;
        target.process.input(0, () => {
          target.known.add(from.id);
          target.receiver?.receive(from.id, copies, announcement);
        });
      };
      this.links.send(from.host, target.host, arrive, lost);
    }
  }

  #sendSnapshot(from: Port, to: NodeId, snapshot: OutgoingSnapshot, signal: AbortSignal): Promise<void> {
    this.#onMessage(from.id, snapshot.message);
    const target = this.reach(from, to);
    if (target === undefined) return Promise.reject(new Error(`member ${to} cannot be reached`));
    const way = { links: this.links, breaksOff: () => this.#chance(this.breakRate) };
    return new SnapshotStream(way, from, target).send(snapshot, signal);
  }
}

function lanes(messages: readonly Message[]): readonly (readonly Message[])[] {
  const appends = messages.filter(({ type }) => APPEND_TYPES.has(type));
  if (appends.length === 0 || appends.length === messages.length) return [messages];
  return [messages.filter(({ type }) => !APPEND_TYPES.has(type)), appends];
}

/** What arrives is a copy: two replicas that shared bytes would be wrong together. */
export function copyOf(message: Message): Message {
  if (message.entries.length === 0) return message;
  return { ...message, entries: message.entries.map((entry) => ({ ...entry, data: entry.data.slice() })) };
}
