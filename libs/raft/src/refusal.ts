import { noBytes } from "./entry.ts";
import { hasConfChange } from "./membership.ts";
import type { Message } from "./message.ts";
import { none } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { becomeFollower } from "./roles.ts";

// A removed leader may be the only one to know that its removal is committed, and it holds entries that nobody else has.
// The voters that are left would ask it for its vote, as members of a configuration that is over, and be refused for ever;
// it may not lead itself. So a refusal says what the voter knows to be committed, and the candidate learns from that the
// change after which it does not need that vote.

const numberBytes = 8;

/** What a refused vote carries as its context: index and term of the last entry known to be committed here. */
export function refusalContext({ log }: RaftState): Uint8Array {
  const term = log.term(log.committed);
  if (log.committed === 0 || term === undefined) return noBytes;
  const bytes = new Uint8Array(2 * numberBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(log.committed));
  view.setBigUint64(numberBytes, BigInt(term));
  return bytes;
}

/**
 * Commits what a refused vote says, where this log has that very entry, and with it a conf change: what is committed stays so
 * in all terms, and up to an entry that both have the logs are equal. All else the next leader will tell. A candidate gives
 * up then, like one that knew of the change before would not have begun.
 */
export function learnFromRefusal(raft: RaftState, { type, reject, context }: Message): void {
  const isRefusal = reject && (type === "MsgVoteResp" || type === "MsgPreVoteResp");
  if (!isRefusal || raft.role === "leader" || context.length !== 2 * numberBytes) return;
  const view = new DataView(context.buffer, context.byteOffset, context.length);
  const index = Number(view.getBigUint64(0));
  const term = Number(view.getBigUint64(numberBytes));
  const { log } = raft;
  if (!log.matches({ index, term }) || !hasConfChange(log, log.committed, index)) return;
  log.commitTo(index);
  if (raft.role !== "follower") becomeFollower(raft, raft.term, none);
}
