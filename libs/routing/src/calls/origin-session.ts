import { type Session, StorageError } from "@trellis/storage";

import { backoffMs } from "../backoff.ts";
import type { RoutingDeps } from "../deps.ts";
import { hasCode } from "../errors.ts";
import type { LeaderCalls } from "./leader-calls.ts";
import { SessionWindow } from "./session-window.ts";

/** How often an open session is used at least; ten minutes of silence end one. */
const KEEP_ALIVE_MS = 2 * 60_000;
/** Letters of an id: 128 bits. */
const ID_LETTERS = 32;
const HEXADECIMAL = 16;

/** What is told of the session. */
interface SessionEvents {
  readonly onChange: () => void;
  /** There is no session to be had, for another reason than a missing leader. */
  readonly onRefused: (error: StorageError) => void;
}

/** The session of this process: opened when it is first needed, kept open, and replaced when it is lost. */
export class OriginSession {
  readonly #deps: RoutingDeps;
  readonly #leader: LeaderCalls;
  readonly #events: SessionEvents;
  #window: SessionWindow | undefined;
  #isOpening = false;
  #isClosed = false;
  #isUsed = false;
  #cancelKeepAlive: () => void = () => undefined;

  constructor(deps: RoutingDeps, leader: LeaderCalls, events: SessionEvents) {
    this.#deps = deps;
    this.#leader = leader;
    this.#events = events;
  }

  /** The open session, for use. Undefined while there is none; it is then being opened. */
  use(): SessionWindow | undefined {
    this.#isUsed = true;
    if (this.#window === undefined && !this.#isOpening && !this.#isClosed) void this.#open();
    return this.#window;
  }

  /** The cluster does not know a session (any more). */
  lost(window: SessionWindow): void {
    if (this.#window !== window) return;
    this.#window = undefined;
    this.#cancelKeepAlive();
    this.#deps.onEvent?.({ kind: "session-lost", session: window.session.id });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelKeepAlive();
  }

  async #open(): Promise<void> {
    this.#isOpening = true;
    const id = this.#drawId();
    for (let failures = 0; !this.#isClosed; failures++) {
      try {
        const session = await this.#leader.call({
          what: "the opening of a session",
          isRepeatable: true,
          wait: {},
          run: (link, signal) => link.openSession(id, { signal }),
        });
        this.#opened(session);
        return;
      } catch (error) {
        if (this.#isClosed) break;
        // Who waits has a time of its own.
        if (hasCode(error, "unavailable")) continue;
        const refusal = StorageError.is(error)
          ? error
          : new StorageError("unavailable", String(error), { cause: error });
        this.#events.onRefused(refusal);
        await new Promise<void>((resolve) => {
          this.#deps.clock.after(backoffMs(failures, this.#deps.random), resolve);
        });
        break;
      }
    }
    this.#isOpening = false;
    if (!this.#isClosed) this.#events.onChange();
  }

  #opened(session: Session): void {
    this.#isOpening = false;
    this.#window = new SessionWindow(session);
    this.#keepAlive(this.#window);
    this.#events.onChange();
  }

  #keepAlive(window: SessionWindow): void {
    if (this.#isClosed) return;
    this.#isUsed = false;
    this.#cancelKeepAlive = this.#deps.clock.after(KEEP_ALIVE_MS, () => {
      if (this.#window !== window) return;
      if (this.#isUsed) this.#keepAlive(window);
      else void this.#sayAlive(window);
    });
  }

  async #sayAlive(window: SessionWindow): Promise<void> {
    try {
      const isOpen = await this.#leader.call({
        what: "a sign of life",
        isRepeatable: true,
        wait: {},
        run: (link, signal) => link.keepAlive(window.session, { signal }),
      });
      if (!isOpen) this.lost(window);
    } catch {
      // The next one will tell.
    }
    if (this.#window === window) this.#keepAlive(window);
  }

  #drawId(): string {
    const letter = (): string => Math.floor(this.#deps.random() * HEXADECIMAL).toString(HEXADECIMAL);
    return Array.from({ length: ID_LETTERS }, letter).join("");
  }
}
