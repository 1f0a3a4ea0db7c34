import { noBytes } from "./entry.ts";
import { RaftError } from "./errors.ts";
import { broadcastHeartbeat } from "./heartbeats.ts";
import { hasCommittedInTerm } from "./leader-log.ts";
import type { Message } from "./message.ts";
import { none, type LogIndex } from "./numbers.ts";
import type { RaftState } from "./raft-state.ts";
import { send } from "./send.ts";

/**
 * A read, of this node's own or forwarded by another (thesis §6.4). It is answered with the commit index of its arrival once
 * the leadership is proven at or after that. Errors: `read-dropped`.
 */
export function readAsLeader(raft: RaftState, request: Message): void {
  if (raft.earlyReads.length + raft.reads.size >= raft.options.maxPendingReads) {
    throw new RaftError(
      "read-dropped",
      `expected fewer than ${raft.options.maxPendingReads} waiting reads; read again later`,
    );
  }
  // Before its first own commit, a leader does not know how far its predecessors had committed.
  if (hasCommittedInTerm(raft)) confirmRead(raft, request);
  else raft.earlyReads.push(request);
}

/** An entry of this term was committed: the reads that waited for that go on. */
export function releaseEarlyReads(raft: RaftState): void {
  if (raft.earlyReads.length === 0 || !hasCommittedInTerm(raft)) return;
  const requests = raft.earlyReads;
  raft.earlyReads = [];
  for (const request of requests) confirmRead(raft, request);
}

/** Answers the reads that a quorum has confirmed by now. The same answers prolong the lease. */
export function releaseConfirmedReads(raft: RaftState): void {
  const { voters } = raft.tracker.configuration;
  if (raft.options.readOnly === "lease-based") {
    raft.lease.roundConfirmed(raft.reads.confirmedBy(raft.id, voters));
  }
  for (const { request, index } of raft.reads.takeConfirmed(raft.id, voters)) {
    answerRead(raft, request, index);
  }
}

/** The commit index of a leader that needs nobody to prove that it leads (thesis §6.4); undefined for others. */
export function confirmedAlone(raft: RaftState): LogIndex | undefined {
  return raft.role === "leader" && decidesAlone(raft) && hasCommittedInTerm(raft)
    ? raft.log.committed
    : undefined;
}

function decidesAlone({ id, tracker: { isSingleton, configuration } }: RaftState): boolean {
  return isSingleton && configuration.voters.incoming.has(id);
}

function confirmRead(raft: RaftState, request: Message): void {
  if (raft.options.readOnly === "lease-based" && raft.lease.holds) {
    answerRead(raft, request, raft.log.committed);
    return;
  }
  raft.reads.add(request, raft.log.committed);
  if (decidesAlone(raft)) releaseConfirmedReads(raft);
  else broadcastHeartbeat(raft);
}

function answerRead(raft: RaftState, request: Message, index: LogIndex): void {
  if (request.from === none || request.from === raft.id) {
    raft.readStates.push({ index, context: request.entries[0]?.data ?? noBytes });
  } else {
    send(raft, { type: "MsgReadIndexResp", to: request.from, index, entries: request.entries });
  }
}
