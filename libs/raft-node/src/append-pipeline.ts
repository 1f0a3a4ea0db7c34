import type { Entry, HardState, Message } from "@trellis/raft";
import { type Append, type Wal, WalError } from "@trellis/wal";

import { encodeHardState, toWalEntry } from "./entry-codec.ts";
import type { LogWindow } from "./log-window.ts";

/** Writes on their way to the disk; what comes beyond waits here. */
const MAX_WRITES = 256;
/** Bytes of entries in one write; a larger entry is written alone. */
const WRITE_BYTES = 4 * 1024 * 1024;

/** One order of the core: store this, then deliver its responses. */
interface Job {
  readonly message: Message;
  isStarted: boolean;
  isDone: boolean;
}

/** What the pipeline works with. */
export interface PipelineDeps {
  readonly wal: Wal;
  readonly window: LogWindow;
  /** What was stored last. */
  readonly hardState: HardState;
  /** Makes a snapshot that came in, and is durable, the state of this node; with what else the order says. Alone: nothing is written meanwhile. */
  readonly install: (message: Message, hardState: HardState) => Promise<void>;
  /** An order was carried out: its responses are to be delivered. Orders are carried out in their order. */
  readonly onDone: (message: Message) => void;
  /** There was no space; nothing that was not answered will be. */
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
  #hardState: HardState;
  #isRefused = false;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
    this.#hardState = deps.hardState;
  }

  /** Term and vote that are stored or on their way, and the newest commit index. */
  get hardState(): HardState {
    return this.#hardState;
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
    this.#jobs.push({ message, isStarted: false, isDone: false });
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
      this.#start(job);
    }
  }

  #start(job: Job): void {
    const { message } = job;
    job.isStarted = true;
    this.#started++;
    const changed = this.#noteHardState(message);
    if (message.snapshot !== undefined) {
      this.#follow(job, this.#deps.install(message, this.#hardState));
      return;
    }
    if (message.entries.length === 0 && !changed) {
      this.#finished(job);
      return;
    }
    this.#follow(job, this.#write(message.entries, changed ? this.#hardState : undefined));
  }

  /** Takes over term, vote and commit index of an order; true when term or vote must be made durable. */
  #noteHardState({ term, vote, commit }: Message): boolean {
    // All zero: the hard state has not changed.
    if (term === 0) return false;
    const before = this.#hardState;
    this.#hardState = { term, vote, commit };
    return term !== before.term || vote !== before.vote;
  }

  async #write(entries: readonly Entry[], hardState: HardState | undefined): Promise<void> {
    const { wal } = this.#deps;
    const parts = inParts(entries);
    // Term and vote come with the first part; what is committed may be among the later ones.
    const writes = parts.map((part, position): Append => {
      const last = part.at(-1);
      const state =
        position === 0 || position === parts.length - 1
          ? (hardState ?? (entries.length > 0 ? this.#hardState : undefined))
          : undefined;
      return {
        ...(part.length > 0 && { entries: part.map(toWalEntry) }),
        ...(state !== undefined && {
          hardState: encodeHardState({
            ...state,
            commit: last === undefined ? state.commit : Math.min(state.commit, last.index),
          }),
        }),
      };
    });
    await Promise.all(writes.map((write) => wal.append(write)));
  }

  #follow(job: Job, work: Promise<void>): void {
    work.then(
      () => this.#finished(job),
      (error: unknown) => this.#failed(error),
    );
  }

  #finished(job: Job): void {
    if (this.#isRefused) return;
    job.isDone = true;
    for (let head = this.#jobs[0]; head?.isDone === true; head = this.#jobs[0]) {
      this.#jobs.shift();
      this.#started--;
      if (head.message.snapshot === undefined) this.#deps.window.append(head.message.entries);
      this.#deps.onDone(head.message);
    }
    this.#pump();
  }

  #failed(error: unknown): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.#jobs = [];
    this.#started = 0;
    // `invalid` follows a refusal for want of space: an append that would leave a gap. The refusal comes first.
    if (WalError.is(error) && error.code === "no-space") this.#deps.onRefused();
    else this.#deps.onFailure(error);
  }
}

/** Entries in parts of limited size; one empty part when there are none. */
function inParts(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const parts: Entry[][] = [[]];
  let bytes = 0;
  for (const entry of entries) {
    if (bytes > 0 && bytes + entry.data.length > WRITE_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    bytes += entry.data.length;
    parts.at(-1)?.push(entry);
  }
  return parts;
}
