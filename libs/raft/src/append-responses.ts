import { maybeCommit } from "./leader-log.ts";
import type { Message } from "./message.ts";
import type { RaftState } from "./raft-state.ts";
import { releaseEarlyReads } from "./reads.ts";
import { broadcastAppend, sendAllAppends, sendAppend } from "./replication.ts";
import type { Progress } from "./tracker/progress.ts";
import { maybeSendTimeoutNow } from "./transfer.ts";

/** A member answered an append, or this leader has stored entries of its own. */
export function handleAppendResponse(raft: RaftState, response: Message, progress: Progress): void {
  progress.recentActive = true;
  if (response.reject) handleRejection(raft, response, progress);
  else handleAcknowledgement(raft, response, progress);
}

/**
 * The member does not have the entry that the append followed. Its hint names the highest entry of its log with a term not
 * above that of the refused one; here the leader's log is walked back from the hint to a term not above the hint's. So each
 * probe skips a whole term on one side or the other.
 */
function handleRejection(raft: RaftState, response: Message, progress: Progress): void {
  const { index, rejectHint, logTerm, from } = response;
  const hint = logTerm > 0 ? raft.log.findConflictByTerm(rejectHint, logTerm).index : rejectHint;
  if (!progress.maybeDecreaseTo(index, hint)) return;
  if (progress.state === "replicate") progress.becomeProbe();
  sendAppend(raft, from);
}

function handleAcknowledgement(raft: RaftState, { index, from }: Message, progress: Progress): void {
  // An old acknowledgement is still news about a member that is being probed: the logs are equal where they should be.
  const endsProbe = progress.state === "probe" && progress.match === index;
  if (!progress.maybeUpdate(index) && !endsProbe) return;
  followProgress(raft, index, progress);
  if (maybeCommit(raft)) {
    releaseEarlyReads(raft);
    broadcastAppend(raft);
  } else if (from !== raft.id && progress.canBumpCommit(raft.log.committed)) {
    // The next heartbeat would tell the commit index too, but later.
    sendAppend(raft, from);
  }
  if (from !== raft.id) sendAllAppends(raft, from);
  maybeSendTimeoutNow(raft, from, progress);
}

function followProgress(raft: RaftState, index: number, progress: Progress): void {
  switch (progress.state) {
    case "probe":
      progress.becomeReplicate();
      break;
    case "snapshot":
      // Whatever snapshot the member applied: if the log continues from there, no more is needed.
      if (progress.match + 1 >= raft.log.firstIndex) {
        progress.becomeProbe();
        progress.becomeReplicate();
      }
      break;
    case "replicate":
      progress.inflights.freeUpTo(index);
      break;
  }
}
