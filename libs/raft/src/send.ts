import { violated } from "./invariant.ts";
import { message, type Message, type MessageType } from "./message.ts";
import type { RaftState } from "./raft-state.ts";

/** What waits for durability: it tells others (or this node itself) that something is stored here. */
const attestations: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgAppResp",
  "MsgVoteResp",
  "MsgPreVoteResp",
]);

/** These carry a term of their own: a pre-vote is about a term that has not begun. */
const electionTypes: ReadonlySet<MessageType> = new Set<MessageType>([
  "MsgVote",
  "MsgVoteResp",
  "MsgPreVote",
  "MsgPreVoteResp",
]);

/** Forwarded requests of clients belong to no term: whoever leads when they arrive may serve them. */
const outsideTerms: ReadonlySet<MessageType> = new Set<MessageType>(["MsgProp", "MsgReadIndex"]);

/**
 * Queues a message for the next Ready. Attestations go out only after what they attest is stored, and may be addressed to
 * this node: its own vote and its own log count like any other's.
 */
export function send(raft: RaftState, fields: Partial<Message> & Pick<Message, "type">): void {
  const { type } = fields;
  const ownTerm = fields.term ?? 0;
  if (electionTypes.has(type) !== ownTerm > 0)
    violated(`${type} must ${ownTerm > 0 ? "not " : ""}name its term`);
  const term = electionTypes.has(type) ? ownTerm : outsideTerms.has(type) ? 0 : raft.term;
  const sent = message({ ...fields, term, from: fields.from || raft.id });
  if (attestations.has(type)) {
    raft.messagesAfterAppend.push(sent);
  } else {
    if (sent.to === raft.id) violated(`${type} must not be sent to oneself`);
    raft.messages.push(sent);
  }
}
