import type { Clock } from "@trellis/resource";

import type { Request } from "../controller.ts";
import type { ControllerLog } from "../log.ts";
import { requestFrom } from "./request-key.ts";

/**
 * Why a name runs, as far as it may be a loop: `own`, nothing happened but what its own runs wrote, or asked for at once (`after(0)`); `change`,
 * something else changed, which may be a loop through another controller. What starts at a time that was planned (start, resync, backoff, `after` with a
 * delay) cannot go on faster than planned, and is none of both.
 */
export type RunCause = "own" | "change";

/** How often a name may run within a window before it counts as hot. */
export interface HotLoopLimits {
  /** Runs of one name within `windowMs` that nothing but its own runs caused. */
  readonly ownRuns: number;
  /** Runs of one name within `windowMs`, whatever changed. */
  readonly runs: number;
  readonly windowMs: number;
}

/** Ten seconds: five runs a second by itself, thirty by changes of others. */
export const HOT_LOOP_LIMITS: HotLoopLimits = { ownRuns: 50, runs: 300, windowMs: 10_000 };

/** The wait between two starts of a hot name: the first one, doubled with each further run. */
const FIRST_PAUSE_MS = 100;
/** The longest wait of a name that drives itself, and of one that changes of others drive: those may be real work. */
const LONGEST_PAUSE_MS: Readonly<Record<RunCause, number>> = { own: 10_000, change: 1_000 };
/** How often hot names are told in the log. */
const TELL_INTERVAL_MS = 60_000;
/** Names in one line of the log. */
const MAX_TOLD_NAMES = 5;
/** Names that are counted within a window, and names that are slowed at once. Those beyond are neither, until others calm. */
const MAX_NAMES = 65_536;

/** A name that runs again and again. */
export interface HotName {
  readonly request: Request;
  /** What drives it, as far as is known. */
  readonly cause: RunCause;
  /** How often it has run since it became hot, and before that within the window. */
  readonly runs: number;
  /** For how long it has been hot, in milliseconds. */
  readonly hotMs: number;
  /** How long it waits between two starts, in milliseconds. */
  readonly pauseMs: number;
}

interface Count {
  own: number;
  all: number;
}

interface Heat {
  cause: RunCause;
  runs: number;
  pauseMs: number;
  readonly sinceMs: number;
  lastMs: number;
}

/** What the loops of one controller are watched with. */
export interface HotLoopsOptions {
  readonly clock: Clock;
  /** The controller's. */
  readonly log: ControllerLog;
  /** {@link HOT_LOOP_LIMITS} when absent. */
  readonly limits?: Partial<HotLoopLimits> | undefined;
}

/**
 * Notices names of one controller that run again and again, and says how long they should wait between two starts: longer with each run, and not at all once
 * they have been calm. Hot names are told in the log once a minute.
 */
export class HotLoops {
  readonly #clock: Clock;
  readonly #log: ControllerLog;
  readonly #limits: HotLoopLimits;
  /** Runs within the window that is under way. */
  readonly #counts = new Map<string, Count>();
  readonly #hot = new Map<string, Heat>();
  #windowEndsMs = 0;
  #tellAtMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, log, limits }: HotLoopsOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = { ...HOT_LOOP_LIMITS, ...limits };
  }

  /** Notes that a run of the name begins. Runs at a planned time are not told. */
  began(name: string, cause: RunCause): void {
    const nowMs = this.#clock.monotonic();
    const heat = this.#heatOf(name, nowMs) ?? this.#noticed(name, cause, nowMs);
    if (heat === undefined) return;
    heat.runs += 1;
    heat.lastMs = nowMs;
    // Two that drive each other are told as that; one that drives itself is no less hot for a change now and then.
    if (cause === "own") heat.cause = "own";
    heat.pauseMs = Math.min(LONGEST_PAUSE_MS[heat.cause], heat.pauseMs * 2);
    this.#tell(nowMs);
  }

  /** How long after the start of its last run the name is to start again because of this, in milliseconds: 0 for one that is not hot. */
  pauseMs(name: string, cause: RunCause): number {
    const heat = this.#heatOf(name, this.#clock.monotonic());
    return heat === undefined ? 0 : Math.min(heat.pauseMs, LONGEST_PAUSE_MS[cause]);
  }

  /** The names that are hot now, the most runs first. */
  hot(): readonly HotName[] {
    const nowMs = this.#clock.monotonic();
    this.#forgetCalm(nowMs);
    return [...this.#hot]
      .map(([name, { cause, runs, sinceMs, pauseMs }]) => {
        return { request: requestFrom(name), cause, runs, hotMs: nowMs - sinceMs, pauseMs };
      })
      .sort((a, b) => b.runs - a.runs);
  }

  /** Counts the run; its heat, when it is one too many. */
  #noticed(name: string, cause: RunCause, nowMs: number): Heat | undefined {
    if (nowMs >= this.#windowEndsMs) {
      this.#counts.clear();
      this.#windowEndsMs = nowMs + this.#limits.windowMs;
    }
    let count = this.#counts.get(name);
    if (count === undefined) {
      if (this.#counts.size >= MAX_NAMES) return undefined;
      count = { own: 0, all: 0 };
      this.#counts.set(name, count);
    }
    count.all += 1;
    if (cause === "own") count.own += 1;
    const drivesItself = count.own > this.#limits.ownRuns;
    if (!drivesItself && count.all <= this.#limits.runs) return undefined;
    if (this.#hot.size >= MAX_NAMES) this.#forgetCalm(nowMs);
    if (this.#hot.size >= MAX_NAMES) return undefined;
    const heat: Heat = {
      cause: drivesItself ? "own" : "change",
      runs: count.all - 1,
      pauseMs: FIRST_PAUSE_MS / 2,
      sinceMs: nowMs,
      lastMs: nowMs,
    };
    this.#counts.delete(name);
    this.#hot.set(name, heat);
    return heat;
  }

  #heatOf(name: string, nowMs: number): Heat | undefined {
    const heat = this.#hot.get(name);
    if (heat === undefined || !this.#isCalm(heat, nowMs)) return heat;
    this.#hot.delete(name);
    return undefined;
  }

  /** Whether it did not run for so long that it is no loop: one that is slowed runs as soon as its pause is over. */
  #isCalm({ lastMs, pauseMs }: Heat, nowMs: number): boolean {
    return nowMs - lastMs >= pauseMs + this.#limits.windowMs;
  }

  #forgetCalm(nowMs: number): void {
    for (const [name, heat] of this.#hot) if (this.#isCalm(heat, nowMs)) this.#hot.delete(name);
  }

  #tell(nowMs: number): void {
    if (nowMs < this.#tellAtMs) return;
    this.#tellAtMs = nowMs + TELL_INTERVAL_MS;
    const hot = this.hot();
    this.#log.warn(
      { names: hot.length, hottest: hot.slice(0, MAX_TOLD_NAMES) },
      hot[0]?.cause === "own"
        ? "a name runs again and again because of its own writes; it is slowed down. Does reconcile write something that differs each time?"
        : "a name runs again and again; it is slowed down. Do two controllers undo each other's writes?",
    );
  }
}
