import type { Disk } from "@trellis/wal";

/** Time, as a node needs it. */
export interface NodeClock {
  /** Milliseconds that only ever grow, also while the machine's wall clock is set. */
  monotonic(): number;
  /** Calls back once after a delay; the answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back in the next turn of the event loop, after what has come in from sockets and disks was taken in. */
  nextTurn(callback: () => void): void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** A node's directory: three directories without subdirectories, on one disk. */
export interface DataDirectory {
  /** How messages name it. */
  readonly description: string;
  /** Who this node is: `node.json`. */
  readonly identity: Disk;
  /** The log's segments. */
  readonly wal: Disk;
  /** Snapshot files. */
  readonly snapshots: Disk;
}
