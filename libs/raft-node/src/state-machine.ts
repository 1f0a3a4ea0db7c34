import type { LogIndex } from "@trellis/raft";

/**
 * One of the state machines that share a log; each has its own type byte, the first byte of its entries. Deterministic: it knows no
 * clock, no randomness and no locale, and the same entries in the same order give the same state everywhere.
 */
export interface StateMachine {
  /** The first byte of its entries, from 2 to 127. 1 is the node's own. */
  readonly kind: number;
  /**
   * Applies a committed entry; the answer goes to whoever proposed it on this node. `command` is what follows the type byte. Whatever it
   * throws stops the node for good: a command that is unknown here was understood elsewhere, and going on would diverge. `own` is what the proposer
   * said that the command reads as (`command` of `propose`): there only on the node that proposed it, when the entry is the very one that it
   * proposed, and not always. A machine may apply it in the place of what it would read.
   */
  apply(command: Uint8Array, index: LogIndex, own?: unknown): unknown;
  /** The log has been applied up to `index`, maybe by entries that were not for this machine. Called before answers are given. */
  reached(index: LogIndex): void;
  /** About how many bytes `chunks` would give of the state as it is now: so much room is kept for the next snapshot. Looked at while entries are applied, again and again. */
  readonly approximateBytes: number;
  /** Takes hold of the state as it is now, between two entries, at once. What is applied later does not show in it. */
  capture(): StateCapture;
  /**
   * Builds the state of a snapshot at `index` aside, in slices; the present state goes on being served. Rejects for what it did not write;
   * then the present state stays. A chunk is valid until the next is asked for.
   */
  restore(chunks: AsyncIterable<Uint8Array>, index: LogIndex): Promise<PreparedState>;
}

/** A state that was taken hold of. */
export interface StateCapture {
  /**
   * The state in pieces of at most {@link MAX_SNAPSHOT_CHUNK_BYTES}, in an order and of a form that depend on nothing but the state.
   * Made in slices of a few milliseconds, between which others go first. Iterated once at most. Whoever keeps a piece copies it: it is valid until the next is asked for.
   */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A state built from a snapshot, ready to take the place of the present one. */
export interface PreparedState {
  /** Puts it in the place of the present one, at once. Not called when something newer came up. */
  install(): void;
}

/** The largest piece of a snapshot. */
export const MAX_SNAPSHOT_CHUNK_BYTES = 256 * 1024;
