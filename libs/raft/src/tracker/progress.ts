import type { LogIndex } from "../numbers.ts";
import { violated } from "../invariant.ts";
import type { Inflights } from "./inflights.ts";

/**
 * How the leader replicates to a follower.
 *
 * - `probe`: it does not know where the logs part; one append per heartbeat interval.
 * - `replicate`: it does; appends follow each other without waiting, within the window.
 * - `snapshot`: the entries needed are compacted; no appends until the follower is reconnected to the log.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** What a new progress begins with. */
export interface ProgressStart {
  readonly next: LogIndex;
  readonly match?: LogIndex;
  readonly isLearner?: boolean;
  readonly recentActive?: boolean;
  readonly inflights: Inflights;
}

/** What the leader knows of one member, itself included (paper figure 2: nextIndex, matchIndex). */
export class Progress {
  /** The highest index at which the follower's log is known to equal the leader's, durably. Only ever grows within a term. */
  match: LogIndex;
  /**
   * The index of the next entry to send. Invariant: match < next. Entries between the two are in flight. In `snapshot`,
   * next = pendingSnapshot + 1.
   */
  next: LogIndex;
  /**
   * The highest commit index in flight to the follower. Falls back when messages may have been lost (probe, rejection).
   * In `snapshot`, sentCommit = pendingSnapshot.
   */
  sentCommit: LogIndex = 0;
  state: ProgressState = "probe";
  /** Index of the snapshot under way, 0 outside `snapshot`. */
  pendingSnapshot: LogIndex = 0;
  /** True when anything was heard since the last quorum check. Always true for the leader itself. */
  recentActive: boolean;
  /** True while appends wait for a heartbeat response: in `probe` after one append, in `replicate` with a full window. */
  appendsPaused = false;
  /** Invariant: empty outside `replicate`. */
  readonly inflights: Inflights;
  /** Equal to membership in the configuration's learners. */
  isLearner: boolean;

  constructor(start: ProgressStart) {
    this.match = start.match ?? 0;
    this.next = start.next;
    this.isLearner = start.isLearner ?? false;
    this.recentActive = start.recentActive ?? false;
    this.inflights = start.inflights;
  }

  /** Looks for the place where the logs part, from the snapshot's end if one was sent and taken. */
  becomeProbe(): void {
    const after = this.state === "snapshot" ? Math.max(this.match, this.pendingSnapshot) : this.match;
    this.#enter("probe");
    this.next = after + 1;
    this.#forgetLostCommit();
  }

  /** The logs are known to be equal up to `match`. */
  becomeReplicate(): void {
    this.#enter("replicate");
    this.next = this.match + 1;
  }

  /** A snapshot at `index` was sent. */
  becomeSnapshot(index: LogIndex): void {
    this.#enter("snapshot");
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.sentCommit = index;
  }

  #enter(state: ProgressState): void {
    this.appendsPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.reset();
  }

  #forgetLostCommit(): void {
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  /** An append with so many entries and payload bytes was sent. */
  sentEntries(count: number, bytes: number): void {
    switch (this.state) {
      case "replicate":
        if (count > 0) {
          this.next += count;
          this.inflights.add(this.next - 1, bytes);
        }
        // A message that fills the window, or is sent although it is full, is a probe like any other.
        this.appendsPaused = this.inflights.isFull;
        break;
      case "probe":
        // An empty append does not count: it may be followed by one with entries.
        if (count > 0) this.appendsPaused = true;
        break;
      case "snapshot":
        violated("no append may be sent while a snapshot is under way");
    }
  }

  /**
   * True when the follower's commit index would move by hearing of `commit`: it was not told yet, and what it was told does
   * not reach to the last entry sent.
   */
  canBumpCommit(commit: LogIndex): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** A message that carried `commit` was sent. */
  noteSentCommit(commit: LogIndex): void {
    this.sentCommit = commit;
  }

  /** The follower acknowledged everything up to `index`. False when that is old news. */
  maybeUpdate(index: LogIndex): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.appendsPaused = false;
    return true;
  }

  /**
   * The follower refused an append after `rejected`; the logs may agree up to `hint`. False when the refusal is stale: its
   * append was sent before something that was acknowledged since. Never lets `next` fall to or below `match`.
   */
  maybeDecreaseTo(rejected: LogIndex, hint: LogIndex): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
    } else {
      // One append at a time is under way, so a current refusal is about the entry before `next`.
      if (rejected !== this.next - 1) return false;
      this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
      this.appendsPaused = false;
    }
    this.#forgetLostCommit();
    return true;
  }

  /** True when no append may be sent now. */
  get isPaused(): boolean {
    return this.state === "snapshot" || this.appendsPaused;
  }

  clone(): Progress {
    const { next, match, isLearner, recentActive } = this;
    const inflights = this.inflights.clone();
    const copy = new Progress({ next, match, isLearner, recentActive, inflights });
    copy.sentCommit = this.sentCommit;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.appendsPaused = this.appendsPaused;
    return copy;
  }
}
