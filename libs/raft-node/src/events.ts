import type { LogIndex, NodeId, Term } from "@trellis/raft";

/** What happens to a node that operators and checks want to know of. */
export type NodeEvent =
  | { readonly kind: "leader-changed"; readonly leader: NodeId | undefined; readonly term: Term }
  /** A stalled event loop or disk made a leader step down. */
  | { readonly kind: "stepped-down"; readonly reason: "loop-stalled" | "disk-stalled"; readonly ms: number }
  | { readonly kind: "snapshot-written"; readonly index: LogIndex; readonly bytes: number }
  | { readonly kind: "snapshot-failed"; readonly reason: string }
  | { readonly kind: "snapshot-sent"; readonly to: NodeId; readonly index: LogIndex }
  | { readonly kind: "snapshot-not-sent"; readonly to: NodeId; readonly reason: string }
  | { readonly kind: "snapshot-installed"; readonly index: LogIndex }
  | {
      readonly kind: "membership-changed";
      readonly voters: readonly NodeId[];
      readonly learners: readonly NodeId[];
    }
  | { readonly kind: "feature-level-raised"; readonly level: number }
  | { readonly kind: "space"; readonly hasSpace: boolean }
  /** The start found the end of an interrupted write in the log, and took it away. */
  | { readonly kind: "torn-tail"; readonly file: string; readonly offset: number; readonly bytes: number };
