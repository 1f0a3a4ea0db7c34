import type { LogIndex, Message, NodeId, Term } from "@trellis/raft";

/** With what a leader answers, proposes and keeps its place. Asking another to take over is neither. */
const OF_LEADERS: ReadonlySet<string> = new Set(["MsgApp", "MsgHeartbeat", "MsgSnap", "MsgReadIndexResp"]);
/** The shortest stall that is an election timeout (600 ms) by the slowest clock, in virtual milliseconds. */
export const LONG_STALL_MS = 1_000;

interface DiskStall {
  readonly term: Term;
  /** The end of its log when the disk stopped: what comes after it waits for the disk. */
  readonly lastIndex: LogIndex;
  readonly untilMs: number;
  /** When the first entry came that waits; undefined before. */
  waitsSinceMs: number | undefined;
}

/**
 * DESIGN §5: a leader that stood still for an election timeout steps down before it answers or proposes. Of a term in which that happened, nothing of
 * a leader is ever heard from it again.
 */
export class StallChecks {
  readonly #report: (violation: string) => void;
  readonly #loops = new Set<string>();
  readonly #disks = new Map<NodeId, DiskStall>();
  /** The last entry that each has sent: it was given to the disk by then. */
  readonly #newest = new Map<NodeId, LogIndex>();

  constructor(report: (violation: string) => void) {
    this.#report = report;
  }

  /** The event loop of who leads a term stands still, from now on for {@link LONG_STALL_MS} at least. */
  loopStalled(leader: NodeId, term: Term): void {
    this.#loops.add(`${leader} ${term}`);
  }

  /** The disk of who leads a term stands still until then. What it was given before may be durable yet. */
  diskStalled(leader: NodeId, stall: Omit<DiskStall, "waitsSinceMs">): void {
    const lastIndex = Math.max(stall.lastIndex, this.#newest.get(leader) ?? 0);
    this.#disks.set(leader, { ...stall, lastIndex, waitsSinceMs: undefined });
  }

  /** The disk is as it was, or is to stand still for another time. */
  diskFreed(node: NodeId): void {
    this.#disks.delete(node);
  }

  /** Every message, as it is sent. */
  sent({ type, from, term, index, entries }: Message, nowMs: number): void {
    if (!OF_LEADERS.has(type)) return;
    if (this.#loops.has(`${from} ${term}`))
      this.#report(`${from} sends ${type} as leader of term ${term}, although its event loop stood still`);
    const stall = this.#disks.get(from);
    const lastSent = type !== "MsgApp" || entries.length === 0 ? 0 : index + entries.length;
    this.#newest.set(from, Math.max(lastSent, this.#newest.get(from) ?? 0));
    if (stall === undefined || stall.term !== term || nowMs >= stall.untilMs) return;
    if (lastSent > stall.lastIndex) stall.waitsSinceMs ??= nowMs;
    if (stall.waitsSinceMs !== undefined && nowMs > stall.waitsSinceMs + LONG_STALL_MS)
      this.#report(
        `${from} sends ${type} as leader of term ${term}, although its disk has stood still for ${Math.round(nowMs - stall.waitsSinceMs)} ms`,
      );
  }
}
