import type { LogIndex } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import type { Random } from "./ports.ts";

/** Somebody who waits to read. */
interface Reader {
  readonly sinceMs: number;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: RaftNodeError) => void;
}

/** A reader in one of the queues; one that is over is taken out with the next tick. */
interface QueuedReader extends Reader {
  isOver: boolean;
}

/** A question to the leader: from which index on does a read see everything committed so far? */
interface Question {
  readonly askedMs: number;
  readonly readers: readonly QueuedReader[];
}

/** Questions on their way at a time; who comes meanwhile shares the next one. */
const MAX_QUESTIONS = 4;
const CONTEXT_BYTES = 8;

/** Bounds of waiting. */
export interface ReadLimits {
  readonly pendingReads: number;
  /** How long a reader waits at most. */
  readonly readWaitMs: number;
  /** How long until an unanswered question is asked again. */
  readonly askAgainMs: number;
}

/**
 * Readers on their way (ReadIndex, thesis §6.4): they wait for a question, then for its answer, then until the answer's index is applied. A
 * question covers only who came before it was asked. Questions get lost; they are asked again with another context.
 */
export class ReadRequests {
  readonly #limits: ReadLimits;
  #waiting: QueuedReader[] = [];
  readonly #questions = new Map<number, Question>();
  /** Answered, in no order of their index. */
  #answered: { readonly index: LogIndex; readonly readers: readonly QueuedReader[] }[] = [];
  #lastContext: number;
  #count = 0;

  /**
   * Contexts are counted from a random number on: an answer to a question that was asked before this process started, of an index of then, must not answer one
   * of now.
   */
  constructor(limits: ReadLimits, random: Random) {
    this.#limits = limits;
    this.#lastContext = Math.floor(random() * 2 ** 52);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Lets somebody wait. Resolves with an index when it is applied. Rejects with `unavailable` when nobody confirms it in time or too many wait, and
   * with `aborted` by the signal.
   */
  async confirm(nowMs: number, signal: AbortSignal | undefined): Promise<LogIndex> {
    if (signal?.aborted === true) throw aborted();
    return await new Promise<LogIndex>((resolve, reject) => {
      const settled = <T>(settle: (value: T) => void) => {
        return (value: T): void => {
          signal?.removeEventListener("abort", onAbort);
          settle(value);
        };
      };
      const giveUp = this.#add({ sinceMs: nowMs, resolve: settled(resolve), reject: settled(reject) });
      const onAbort = (): void => giveUp(aborted());
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** The answer gives up on the reader's behalf, with the error that he is told. */
  #add(reader: Reader): (error: RaftNodeError) => void {
    if (this.#count >= this.#limits.pendingReads) {
      throw new RaftNodeError(
        "unavailable",
        `${this.#count} reads wait for the leader to confirm them (pendingReads); try again later, or read what this replica has`,
      );
    }
    const queued: QueuedReader = {
      sinceMs: reader.sinceMs,
      isOver: false,
      resolve: (index) => {
        if (this.#end(queued)) reader.resolve(index);
      },
      reject: (error) => {
        if (this.#end(queued)) reader.reject(error);
      },
    };
    this.#waiting.push(queued);
    this.#count++;
    return queued.reject;
  }

  #end(reader: QueuedReader): boolean {
    if (reader.isOver) return false;
    reader.isOver = true;
    this.#count--;
    return true;
  }

  /** The context of a question to be asked now, for all who wait; undefined when there is none to be asked. */
  ask(nowMs: number): Uint8Array | undefined {
    if (this.#waiting.length === 0 || this.#questions.size >= MAX_QUESTIONS) return undefined;
    const context = ++this.#lastContext;
    this.#questions.set(context, { askedMs: nowMs, readers: this.#waiting });
    this.#waiting = [];
    const bytes = Buffer.alloc(CONTEXT_BYTES);
    bytes.writeBigUInt64BE(BigInt(context));
    return bytes;
  }

  /** A question was answered. */
  answered(context: Uint8Array, index: LogIndex): void {
    if (context.length !== CONTEXT_BYTES) return;
    const number = Number(Buffer.from(context).readBigUInt64BE());
    const question = this.#questions.get(number);
    if (question === undefined) return;
    this.#questions.delete(number);
    this.#answered.push({ index, readers: question.readers });
  }

  /** What was applied shows now. */
  applied(index: LogIndex): void {
    if (this.#answered.length === 0) return;
    const due = this.#answered.filter((answer) => answer.index <= index);
    if (due.length === 0) return;
    this.#answered = this.#answered.filter((answer) => answer.index > index);
    for (const answer of due) for (const { resolve } of answer.readers) resolve(answer.index);
  }

  /** Asks again what was asked of a leader that is gone. */
  leaderChanged(): void {
    this.#askAgain(() => true);
  }

  /** Time has passed: questions may have been lost, and readers have waited long enough. True when there is something to be asked. */
  tick(nowMs: number): boolean {
    const { askAgainMs, readWaitMs } = this.#limits;
    this.#askAgain(({ askedMs }) => nowMs - askedMs >= askAgainMs);
    const stays = (reader: QueuedReader): boolean => {
      if (nowMs - reader.sinceMs >= readWaitMs) reader.reject(unconfirmed());
      return !reader.isOver;
    };
    this.#waiting = this.#waiting.filter(stays);
    this.#answered = this.#answered
      .map(({ index, readers }) => ({ index, readers: readers.filter(stays) }))
      .filter(({ readers }) => readers.length > 0);
    return this.#waiting.length > 0;
  }

  /** Gives all up. */
  failAll(error: RaftNodeError): void {
    const all = [
      ...this.#waiting,
      ...[...this.#questions.values()].flatMap(({ readers }) => readers),
      ...this.#answered.flatMap(({ readers }) => readers),
    ];
    this.#waiting = [];
    this.#questions.clear();
    this.#answered = [];
    for (const { reject } of all) reject(error);
  }

  #askAgain(isLost: (question: Question) => boolean): void {
    for (const [context, question] of this.#questions) {
      if (!isLost(question)) continue;
      this.#questions.delete(context);
      this.#waiting.push(...question.readers);
    }
  }
}

function unconfirmed(): RaftNodeError {
  return new RaftNodeError(
    "unavailable",
    "no leader confirmed the read in time; try again, or read what this replica has",
  );
}

function aborted(): RaftNodeError {
  return new RaftNodeError("aborted", "the caller ended the read");
}
