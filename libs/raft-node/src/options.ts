import { DEFAULT_LIMITS, type WalLimits } from "@trellis/wal";

import { RaftNodeError } from "./errors.ts";

/** How a node takes part. What is left out has the default named beside it. */
export interface RaftNodeOptions {
  /** The highest level of commands that this program understands. Default: 1. */
  readonly featureLevel?: number;
  /** A unit of Raft's time. Default: 25 ms. */
  readonly tickMs?: number;
  /** Default: 100 ms. */
  readonly heartbeatMs?: number;
  /** The least time without a leader until an election; the most is twice that. Default: 600 ms. */
  readonly electionMs?: number;
  /** Entries applied after which a snapshot is made; one for each 2 KiB of the last snapshot when that is more. Default: 100,000. */
  readonly snapshotEntries?: number;
  /** Bytes of entries applied after which a snapshot is made; half as many as the last snapshot has when that is more. Default: 64 MiB. */
  readonly snapshotBytes?: number;
  /** Entries kept behind a snapshot, so that a slow member needs none. Default: 10,000. */
  readonly trailingEntries?: number;
  /** Bytes of entries kept behind a snapshot. Default: 16 MiB. */
  readonly trailingBytes?: number;
  /**
   * Bytes of the log's last entries that stay in memory, at most: as far back as this node or a member that is there needs them, and a 64th in any case. Older
   * ones are read from disk for who needs them, up to as many bytes more. Default: 16 MiB. Only the entries' own sizes count: what an object takes
   * beside its bytes does not, so that many small entries take several times as much memory.
   */
  readonly logMemoryBytes?: number;
  /** Proposals that may wait for their answer. Default: 10,000. */
  readonly pendingProposals?: number;
  /** Their bytes. Default: 64 MiB. */
  readonly pendingBytes?: number;
  /** Bytes of one entry. Default: 6 MiB, which a commit of 4 MiB fits into. */
  readonly entryBytes?: number;
  /** Reads that may wait. Default: 10,000. */
  readonly pendingReads?: number;
  /** How long a read may wait without a signal. Default: 10 s. */
  readonly readWaitMs?: number;
  /** How long a proposal of a former leader may wait for what became of it. Default: 5 s. */
  readonly outcomeWaitMs?: number;
  /** How long work in slices keeps the event loop. Default: 4 ms. */
  readonly sliceMs?: number;
  /** How far a learner may lag to be promoted, in entries. Default: 1,000. */
  readonly promotionLag?: number;
}

export interface ResolvedOptions extends Required<RaftNodeOptions> {
  /** Bytes of entries in one write to the log: half of what its appends may have. */
  readonly writeBytes: number;
  /** Bytes of entries on their way to the log: half of what it lets wait. */
  readonly writingBytes: number;
}

const MEBIBYTE = 1024 * 1024;

/** What of the log is in memory at most, by default. */
export const LOG_MEMORY_BYTES = 16 * MEBIBYTE;
/** What an append needs besides the bytes of its one entry, at most. */
const RESERVED_BYTES = 1024;
/** Proposals that may wait until no more commands are kept beside their entries: what comes beyond is read from its bytes. */
export const MAX_KEPT_COMMANDS = 1024;
/** Messages that wait for the next turn; more are dropped, as by a network. */
export const MAX_INBOX_MESSAGES = 8192;
/** Nodes of which it is remembered what they last said; more than any cluster has. */
export const MAX_HEARD = 256;
const SNAPSHOT_ENTRIES = 100_000;
const SNAPSHOT_BYTES = 64 * MEBIBYTE;
/** Snapshots on their way to members at a time. */
export const MAX_SNAPSHOTS_SENT = 2;
/** How long a snapshot may be on its way to a member. */
export const SNAPSHOT_SEND_MS = 30 * 60_000;
/** How long a snapshot that comes in may say nothing: then its sender is gone, and another may send one. */
export const SNAPSHOT_IDLE_MS = 10_000;
/** How long until a snapshot that found no space is tried again. */
export const SNAPSHOT_RETRY_MS = 5_000;
/** How long until older entries are read again that could not be, since too many files were open. */
export const READ_RETRY_MS = 1_000;
/** Bytes of one append to a member; a larger entry travels alone. */
export const APPEND_BYTES = MEBIBYTE;
/** Appends and bytes on their way to one member. */
export const INFLIGHT_MESSAGES = 256;
export const INFLIGHT_BYTES = 16 * MEBIBYTE;
/** Bytes of entries handed out to be applied at a time. */
export const APPLYING_BYTES = 8 * MEBIBYTE;

/** Fills in the defaults, for a log with these bounds. Throws `invalid`. */
export function resolveOptions(given: RaftNodeOptions, wal: Partial<WalLimits> = {}): ResolvedOptions {
  const { appendBytes, queuedBytes } = { ...DEFAULT_LIMITS, ...wal };
  const options: ResolvedOptions = {
    featureLevel: 1,
    tickMs: 25,
    heartbeatMs: 100,
    electionMs: 600,
    snapshotEntries: SNAPSHOT_ENTRIES,
    snapshotBytes: SNAPSHOT_BYTES,
    trailingEntries: 10_000,
    trailingBytes: 16 * MEBIBYTE,
    logMemoryBytes: LOG_MEMORY_BYTES,
    pendingProposals: 10_000,
    pendingBytes: 64 * MEBIBYTE,
    entryBytes: 6 * MEBIBYTE,
    pendingReads: 10_000,
    readWaitMs: 10_000,
    outcomeWaitMs: 5_000,
    sliceMs: 4,
    promotionLag: 1_000,
    ...given,
    writeBytes: Math.floor(appendBytes / 2),
    writingBytes: Math.floor(queuedBytes / 2),
  };
  for (const [name, value] of Object.entries(options)) {
    if (!(value > 0)) throw new RaftNodeError("invalid", `expected ${name} to be above 0, found ${value}`);
  }
  const { tickMs, heartbeatMs, electionMs, entryBytes } = options;
  if (entryBytes > appendBytes - RESERVED_BYTES) {
    throw new RaftNodeError(
      "invalid",
      `expected entryBytes to be at most the log's appendBytes less ${RESERVED_BYTES}, ${appendBytes - RESERVED_BYTES}, found ${entryBytes}`,
    );
  }
  if (heartbeatMs < tickMs || electionMs < 2 * heartbeatMs) {
    throw new RaftNodeError(
      "invalid",
      `expected tickMs <= heartbeatMs and 2 * heartbeatMs <= electionMs, found ${tickMs}, ${heartbeatMs}, ${electionMs}`,
    );
  }
  return options;
}

/** What of a log makes a snapshot due. */
export interface SnapshotDue {
  readonly entries: number;
  readonly bytes: number;
}

/** A snapshot has so many bytes for each entry that may come after it. */
const SNAPSHOT_BYTES_PER_ENTRY = 2 * 1024;
/** Of the bytes of a snapshot, what may come after it. */
const LOG_SHARE = 0.5;

/**
 * How much is applied before a snapshot is made when the last one has so many bytes (decision 18). A snapshot takes as long as its state is large, so the log before the next
 * grows with it; a start applies what comes after the last one again, so it grows by less than the state.
 */
export function snapshotDue(
  lastBytes: number,
  least: SnapshotDue = { entries: SNAPSHOT_ENTRIES, bytes: SNAPSHOT_BYTES },
): SnapshotDue {
  return {
    entries: Math.max(least.entries, Math.ceil(lastBytes / SNAPSHOT_BYTES_PER_ENTRY)),
    bytes: Math.max(least.bytes, Math.ceil(lastBytes * LOG_SHARE)),
  };
}
