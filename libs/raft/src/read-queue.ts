import { noBytes } from "./entry.ts";
import type { Message } from "./message.ts";
import type { LogIndex, NodeId } from "./numbers.ts";
import { jointCommittedIndex, type JointQuorum } from "./quorum/joint.ts";

/** A read that waits for a quorum to confirm that the leader was one when the read came. */
export interface PendingRead {
  readonly request: Message;
  /** The commit index when the read came: what the reader must have applied. */
  readonly index: LogIndex;
  readonly sequence: number;
}

/**
 * The leader's unconfirmed reads, oldest first (thesis §6.4). Reads are numbered within a term, each round of heartbeats
 * carries the number of the newest read as its context, and a follower sends it back: an answer confirms that read and all
 * before it. So the confirmed number is to reads what the commit index is to entries, and the same count finds it. What a
 * reader wrote into its own context plays no part: two reads may carry the same.
 */
export class ReadQueue {
  #pending: PendingRead[] = [];
  /** Number of the newest read of this term. */
  #newest = 0;
  /** True once rounds have numbers of their own. */
  #isNumbered = false;
  /** The highest number each member has sent back. */
  readonly #acknowledged = new Map<NodeId, number>();

  get size(): number {
    return this.#pending.length;
  }

  add(request: Message, index: LogIndex): void {
    this.#newest++;
    this.#pending.push({ request, index, sequence: this.#newest });
  }

  /** Gives a round of heartbeats a number of its own, as if it came with a read. */
  beginRound(): number {
    this.#isNumbered = true;
    return ++this.#newest;
  }

  /** What a round of heartbeats carries that starts now; empty when no read waits and rounds have no numbers. */
  get heartbeatContext(): Uint8Array {
    return this.#pending.length === 0 && !this.#isNumbered ? noBytes : encodeSequence(this.#newest);
  }

  /** A member answered a heartbeat with this context. Later answers do not take back earlier ones. */
  acknowledge(id: NodeId, context: Uint8Array): void {
    const sequence = decodeSequence(context);
    // A number not given out in this term confirms nothing.
    if (sequence === undefined || sequence > this.#newest) return;
    this.#acknowledged.set(id, Math.max(sequence, this.#acknowledged.get(id) ?? 0));
  }

  /** The highest number that a quorum of voters has confirmed; the leader itself confirms all of them. */
  confirmedBy(leader: NodeId, voters: JointQuorum): number {
    return jointCommittedIndex(voters, (id) => (id === leader ? this.#newest : this.#acknowledged.get(id)));
  }

  /** Takes out the reads that a quorum of voters has confirmed. */
  takeConfirmed(leader: NodeId, voters: JointQuorum): readonly PendingRead[] {
    const confirmed = this.confirmedBy(leader, voters);
    const first = this.#pending.findIndex(({ sequence }) => sequence > confirmed);
    return this.#pending.splice(0, first < 0 ? this.#pending.length : first);
  }
}

const contextBytes = 8;

function encodeSequence(sequence: number): Uint8Array {
  const bytes = new Uint8Array(contextBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(sequence));
  return bytes;
}

function decodeSequence(context: Uint8Array): number | undefined {
  if (context.length !== contextBytes) return undefined;
  return Number(new DataView(context.buffer, context.byteOffset, contextBytes).getBigUint64(0));
}
