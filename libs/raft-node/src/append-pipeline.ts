import type { Entry, HardState, Message } from "@trellis/raft";
import { type Append, type Wal, WalError } from "@trellis/wal";

import { encodeHardState, toWalEntry } from "./entry-codec.ts";
import { invariant } from "./invariant.ts";
import type { LogWindow } from "./log-window.ts";

/** Writes on their way to the disk; what comes beyond waits here. */
const MAX_WRITES = 256;
/** What the log's records need for an entry besides its bytes, at most. */
const ENTRY_OVERHEAD_BYTES = 16;

/** A write, or an installation: an order of the core, or a part of one with many bytes. */
interface Job {
  readonly message: Message;
  readonly entries: readonly Entry[];
  readonly bytes: number;
  /** Where in its order it stands: term and vote come with the first part; what is committed may be among the last ones. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
  isDone: boolean;
}

/** What the pipeline works with. */
export interface PipelineDeps {
  readonly wal: Wal;
  readonly window: LogWindow;
  /** Bytes of entries in one write; a larger entry is written alone. */
  readonly writeBytes: number;
  /** Bytes of entries on their way to the disk; a larger write goes alone. */
  readonly writingBytes: number;
  /** What was stored last. */
  readonly hardState: HardState;
  /** Makes a snapshot that came in, and is durable, the state of this node; with what else the order says. Alone: nothing is written meanwhile. */
  readonly install: (message: Message, hardState: HardState) => Promise<void>;
  /** An order was carried out: its responses are to be delivered. Orders are carried out in their order. */
  readonly onDone: (message: Message) => void;
  /** There was no space. Nothing is on its way any more, the window shows what the log holds, and nothing that was not answered will be. */
  readonly onRefused: () => void;
  /** The disk failed: the node is over. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * The append thread (asynchronous storage writes): carries out the core's orders to store, in their order, as many at a time as the log takes. A
 * change of the commit index alone is no write: it goes along with the next one.
 */
export class AppendPipeline {
  readonly #deps: PipelineDeps;
  #jobs: Job[] = [];
  /** Jobs from here on are not started. */
  #started = 0;
  /** Bytes of those that are. */
  #startedBytes = 0;
  /** Jobs that the disk has not answered yet. */
  #unanswered = 0;
  #hardState: HardState;
  #isChanged = false;
  #isRefused = false;
  #hasFailed = false;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
    this.#hardState = deps.hardState;
  }

  /** True while there is an order that was not carried out. */
  get isBusy(): boolean {
    return this.#jobs.length > 0;
  }

  /** True when there is an order to install this snapshot. */
  isInstalling(index: number): boolean {
    return this.#jobs.some(({ message }) => message.snapshot?.metadata.index === index);
  }

  add(message: Message): void {
    if (this.#isRefused) return;
    // What an installation brings besides the snapshot is written with its mark.
    const parts = message.snapshot === undefined ? inParts(message.entries, this.#deps.writeBytes) : [[]];
    for (const [at, entries] of parts.entries()) {
      const isFirst = at === 0;
      const isLast = at === parts.length - 1;
      this.#jobs.push({ message, entries, bytes: bytesOf(entries), isFirst, isLast, isDone: false });
    }
    this.#pump();
  }

  #pump(): void {
    while (!this.#isRefused && this.#started < Math.min(this.#jobs.length, MAX_WRITES)) {
      const job = this.#jobs[this.#started];
      if (job === undefined) return;
      const isInstall = job.message.snapshot !== undefined;
      // An installation is alone: before it all that was ordered is stored, and nothing is written until it is through.
      if (isInstall && this.#started > 0) return;
      if (!isInstall && this.#jobs[0]?.message.snapshot !== undefined) return;
      if (this.#started > 0 && this.#startedBytes + job.bytes > this.#deps.writingBytes) return;
      this.#start(job);
    }
  }

  #start(job: Job): void {
    const { message, entries, isFirst, isLast } = job;
    this.#started++;
    this.#startedBytes += job.bytes;
    if (isFirst) this.#isChanged = this.#noteHardState(message);
    if (message.snapshot !== undefined) {
      this.#follow(job, this.#deps.install(message, this.#hardState));
      return;
    }
    if (entries.length === 0 && !this.#isChanged) {
      this.#finished(job);
      return;
    }
    const last = entries.at(-1);
    const { commit } = this.#hardState;
    const hardState = { ...this.#hardState, commit: Math.min(commit, last?.index ?? commit) };
    const append: Append = {
      ...(entries.length > 0 && { entries: entries.map(toWalEntry) }),
      ...((isFirst || isLast) && { hardState: encodeHardState(hardState) }),
    };
    this.#follow(job, this.#deps.wal.append(append));
  }

  /** Takes over term, vote and commit index of an order; true when term or vote must be made durable. */
  #noteHardState({ term, vote, commit }: Message): boolean {
    // All zero: the hard state has not changed.
    if (term === 0) return false;
    const before = this.#hardState;
    this.#hardState = { term, vote, commit };
    return term !== before.term || vote !== before.vote;
  }

  #follow(job: Job, work: Promise<void>): void {
    this.#unanswered++;
    work
      .then(
        () => {
          this.#unanswered--;
          this.#finished(job);
        },
        (error: unknown) => {
          this.#unanswered--;
          this.#failed(error);
        },
      )
      .catch((error: unknown) => this.#deps.onFailure(error));
  }

  #finished(job: Job): void {
    job.isDone = true;
    if (this.#isRefused) {
      this.#refuse();
      return;
    }
    for (let head = this.#jobs[0]; head?.isDone === true; head = this.#jobs[0]) {
      this.#take(head);
      if (head.isLast) this.#deps.onDone(head.message);
    }
    this.#pump();
  }

  /** What the first job stored shows in the window from now on. */
  #take(head: Job): void {
    this.#jobs.shift();
    this.#started--;
    this.#startedBytes -= head.bytes;
    this.#deps.window.append(head.entries);
  }

  #failed(error: unknown): void {
    if (this.#hasFailed) return;
    // `invalid` follows a refusal for want of space: an append that would leave a gap. The refusal comes first.
    const isRefusal =
      WalError.is(error) && (error.code === "no-space" || (this.#isRefused && error.code === "invalid"));
    this.#isRefused = true;
    if (isRefusal) this.#refuse();
    else {
      this.#hasFailed = true;
      this.#jobs = [];
      this.#deps.onFailure(error);
    }
  }

  /** What was on its way when space ran out may still get there: only then it is known what the log holds. */
  #refuse(): void {
    if (this.#unanswered > 0 || this.#hasFailed) return;
    for (let head = this.#jobs[0]; head?.isDone === true; head = this.#jobs[0]) this.#take(head);
    this.#jobs = [];
    const { window, wal, onRefused } = this.#deps;
    invariant(
      wal.lastIndex === window.lastIndex() || wal.lastIndex < window.firstIndex(),
      `after a refused write the log ends with entry ${wal.lastIndex}, what the core knows of it with ${window.lastIndex()}`,
    );
    onRefused();
  }
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((bytes, { data }) => bytes + data.length + ENTRY_OVERHEAD_BYTES, 0);
}

/** Entries in parts of limited size; one empty part when there are none. */
function inParts(entries: readonly Entry[], writeBytes: number): readonly (readonly Entry[])[] {
  const parts: Entry[][] = [[]];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.data.length + ENTRY_OVERHEAD_BYTES;
    if (bytes > 0 && bytes + size > writeBytes) {
      parts.push([]);
      bytes = 0;
    }
    bytes += size;
    parts.at(-1)?.push(entry);
  }
  return parts;
}
