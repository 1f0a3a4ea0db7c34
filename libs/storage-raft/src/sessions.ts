import { toVersion, type Session, type SessionRequest, type UnknownOutcome } from "@trellis/storage";

import type { SilentSession } from "./command.ts";
import type { CommitAnswer, RememberedAnswer } from "./commit-answer.ts";

/** Open sessions; one more ends the one that was longest not used. */
export const MAX_SESSIONS = 10_000;
/** Requests of a session that may be unanswered. */
export const MAX_UNANSWERED = 1_024;
/** What a session and a remembered result take in a snapshot, about. */
const SESSION_BYTES = 64;
const RESULT_BYTES = 16;
/** Characters of a session's id. */
export const MAX_SESSION_ID_LENGTH = 64;

/**
 * So many items are taken out of a map, and half as many again as it has, before it is begun anew: V8 keeps the tables of a map that it replaced, and what was in
 * them, until the next full collection.
 */
const RENEWED_AFTER = 256;

/** What is remembered of a request: numbers only, never what was stored. */
export interface RememberedResult {
  readonly version: number;
  /** Absent when it was applied. */
  readonly refusal?: { readonly operationIndex: number; readonly preconditionIndex: number } | undefined;
}

/** A session as the state machine keeps it. */
export interface SessionState extends Session {
  /** The entry that last used it; no two sessions have the same. */
  readonly lastUsed: number;
  /** What became of requests before this one is forgotten. */
  readonly lowestUnanswered: number;
  /** By sequence, at most {@link MAX_UNANSWERED}. */
  readonly results: ReadonlyMap<number, RememberedResult>;
}

interface OpenSession extends SessionState {
  lastUsed: number;
  lowestUnanswered: number;
  results: Map<number, RememberedResult>;
  /** Results that were taken out of the map as it is now. */
  forgotten: number;
  /** The capture that it was made or copied after; one that is older shares it, and it is copied before it changes. */
  readonly epoch: number;
}

/**
 * The sessions that make commits exactly-once (DESIGN §5): a request that arrives again is answered from memory. Deterministic: changed by
 * entries of the log only, whose indices are its time.
 */
export class Sessions {
  /** In the order of their last use: every use puts its session last. */
  #sessions = new Map<string, OpenSession>();
  /** The one that was used last. */
  #newest: OpenSession | undefined;
  /** Sessions that were taken out of the map as it is now. */
  #moved = 0;
  #epoch = 0;

  /** Puts a session of a snapshot in: used later than those before it. Its map belongs to this from now on. */
  restore(state: SessionState & { readonly results: Map<number, RememberedResult> }): void {
    this.#put({ ...state, forgotten: 0, epoch: this.#epoch });
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** About how many bytes they take in a snapshot. */
  get approximateBytes(): number {
    let bytes = 0;
    for (const { results } of this.#sessions.values()) bytes += SESSION_BYTES + results.size * RESULT_BYTES;
    return bytes;
  }

  /** Opens a session, or finds the one that is open under this id, so that an opening may be repeated. */
  open(id: string, index: number): Session {
    const there = this.#touch(id, index);
    if (there !== undefined) return { id, openedAt: there.openedAt };
    if (this.#sessions.size >= MAX_SESSIONS) {
      for (const longestUnused of this.#sessions.keys()) {
        this.#sessions.delete(longestUnused);
        break;
      }
    }
    const session = { id, openedAt: index, lastUsed: index, lowestUnanswered: 1, results: new Map() };
    this.#put({ ...session, forgotten: 0, epoch: this.#epoch });
    return { id, openedAt: index };
  }

  /** Uses a session; false when it is not open. */
  use({ id, openedAt }: Session, index: number): boolean {
    if (this.#sessions.get(id)?.openedAt !== openedAt) return false;
    return this.#touch(id, index) !== undefined;
  }

  /** What a request is answered with without being carried out; undefined for one that arrives for the first time. Uses its session. */
  recall(request: SessionRequest, index: number): CommitAnswer | undefined {
    const { session, sequence, lowestUnanswered } = request;
    if (!this.use(session, index)) return unknown("session-unknown");
    const open = this.#sessions.get(session.id);
    if (open === undefined) return unknown("session-unknown");
    forgetBefore(open, lowestUnanswered);
    if (sequence < open.lowestUnanswered) return unknown("answered-before");
    const result = open.results.get(sequence);
    return result === undefined ? undefined : answerOf(result);
  }

  /** Remembers what became of a request that was carried out. */
  remember({ session, sequence }: SessionRequest, answer: RememberedAnswer): void {
    this.#sessions.get(session.id)?.results.set(sequence, {
      version: answer.version,
      ...(answer.outcome === "refused" && {
        refusal: { operationIndex: answer.operationIndex, preconditionIndex: answer.preconditionIndex },
      }),
    });
  }

  /** Ends the sessions that were not used since they were found silent; how many. */
  close(silent: readonly SilentSession[]): number {
    let closed = 0;
    for (const { id, lastUsed } of silent) {
      if (this.#sessions.get(id)?.lastUsed !== lastUsed) continue;
      this.#sessions.delete(id);
      closed++;
    }
    return closed;
  }

  /** The sessions that no entry after `index` used, at most `limit`, from the longest unused one on. */
  silentSince(index: number, limit: number): readonly SilentSession[] {
    const silent: SilentSession[] = [];
    for (const { id, lastUsed } of this.#sessions.values()) {
      if (lastUsed > index || silent.length >= limit) break;
      silent.push({ id, lastUsed });
    }
    return silent;
  }

  /** The sessions as they are now, from the longest unused one on; later changes do not show in them. */
  capture(): readonly SessionState[] {
    this.#epoch++;
    return [...this.#sessions.values()];
  }

  #touch(id: string, index: number): OpenSession | undefined {
    const found = this.#sessions.get(id);
    if (found === undefined) return undefined;
    const session =
      found.epoch === this.#epoch ? found : { ...found, results: new Map(found.results), epoch: this.#epoch };
    session.lastUsed = index;
    // The last one has its place already: mostly one session is used again and again.
    if (session === this.#newest) return session;
    this.#sessions.delete(id);
    this.#put(session);
    if (++this.#moved >= RENEWED_AFTER + this.#sessions.size / 2) {
      this.#sessions = new Map(this.#sessions);
      this.#moved = 0;
    }
    return session;
  }

  #put(session: OpenSession): void {
    this.#sessions.set(session.id, session);
    this.#newest = session;
  }
}

/**
 * Why a request breaks the rules of sessions, judged by itself alone, so that all its copies are judged alike; undefined when it does not.
 */
export function requestFault({ sequence, lowestUnanswered }: SessionRequest): string | undefined {
  const isInWindow =
    Number.isSafeInteger(sequence) &&
    Number.isSafeInteger(lowestUnanswered) &&
    lowestUnanswered >= 1 &&
    lowestUnanswered <= sequence &&
    sequence < lowestUnanswered + MAX_UNANSWERED;
  if (isInWindow) return undefined;
  return (
    `expected at most ${MAX_UNANSWERED} unanswered requests in a session, found request ${sequence} with ${lowestUnanswered} the lowest ` +
    `unanswered one; wait for answers first`
  );
}

function forgetBefore(session: OpenSession, lowestUnanswered: number): void {
  const { results, lowestUnanswered: before } = session;
  if (lowestUnanswered <= before) return;
  session.lowestUnanswered = lowestUnanswered;
  // By the shorter way: the bound mostly moves by one, and may skip what never arrived.
  if (lowestUnanswered - before <= results.size) {
    for (let sequence = before; sequence < lowestUnanswered; sequence++) results.delete(sequence);
  } else for (const sequence of results.keys()) if (sequence < lowestUnanswered) results.delete(sequence);
  session.forgotten += lowestUnanswered - before;
  if (session.forgotten < RENEWED_AFTER + results.size / 2) return;
  session.results = new Map(results);
  session.forgotten = 0;
}

function answerOf({ version: number, refusal }: RememberedResult): RememberedAnswer {
  const version = toVersion(number);
  if (refusal === undefined) return { outcome: "applied", version };
  return { outcome: "refused", version, ...refusal, current: undefined, isRemembered: true };
}

function unknown(reason: UnknownOutcome["reason"]): UnknownOutcome {
  return { outcome: "unknown", reason };
}
