import type { Message, NodeId, RaftCore } from "@trellis/raft";

import { MAX_HEARD, MAX_INBOX_MESSAGES } from "./options.ts";
import type { Announcement } from "./peers.ts";

/** What is known of another member. */
export interface Heard {
  readonly announcement: Announcement;
  readonly atMs: number;
}

/** What has come in since the last turn: messages, and what the network says of those that went out. */
export class Inbox {
  readonly heard = new Map<NodeId, Heard>();
  #messages: Message[] = [];
  #lost = new Set<NodeId>();
  #sentSnapshots: { readonly to: NodeId; readonly outcome: "delivered" | "failed" }[] = [];

  /** Messages of a member; those for which there is no room are dropped, as by a network. */
  receive(from: NodeId, messages: readonly Message[], heard: Heard): void {
    this.#hear(from, heard);
    for (const message of messages) {
      if (this.#messages.length >= MAX_INBOX_MESSAGES) return;
      // A snapshot comes with its file, and not otherwise.
      if (message.type !== "MsgSnap") this.#messages.push(message);
    }
  }

  #hear(from: NodeId, heard: Heard): void {
    this.heard.set(from, heard);
    if (this.heard.size <= MAX_HEARD) return;
    const [oldest] = [...this.heard].sort(([, a], [, b]) => a.atMs - b.atMs);
    if (oldest !== undefined) this.heard.delete(oldest[0]);
  }

  /** One message that has been waited for. */
  add(message: Message): void {
    this.#messages.push(message);
  }

  lost(to: NodeId): void {
    this.#lost.add(to);
  }

  snapshotSent(to: NodeId, outcome: "delivered" | "failed"): void {
    this.#sentSnapshots.push({ to, outcome });
  }

  /** Who is no member any more was not heard. */
  forgetAllBut(members: ReadonlySet<NodeId>): void {
    for (const id of this.heard.keys()) if (!members.has(id)) this.heard.delete(id);
  }

  /** Tells the core what became of what went out, and answers the messages for it. */
  take(core: RaftCore): readonly Message[] {
    const [messages, lost, sent] = [this.#messages, this.#lost, this.#sentSnapshots];
    this.#messages = [];
    this.#lost = new Set();
    this.#sentSnapshots = [];
    for (const member of lost) core.reportUnreachable(member);
    for (const { to, outcome } of sent) core.reportSnapshot(to, outcome);
    return messages;
  }
}
