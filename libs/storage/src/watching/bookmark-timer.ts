import type { Clock } from "@trellis/resource";

/** A watch as the timer of its bookmarks sees it. */
export interface BookmarkedWatch {
  /** Whether somebody waits for what comes next, by a promise or without one. */
  readonly isAwaited: boolean;
  /** Whether what it watches was touched after the point where it waits: it is about to be woken. */
  readonly isAboutToBeWoken: boolean;
  /** Tells who waits that a bookmark is due. */
  breakSilence(): void;
}

/** The clock that a bookmark timer goes by, and how long a silence lasts until a bookmark is due. */
export interface BookmarkTimerOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
}

/**
 * When the bookmarks of one watch are due: when it has delivered nothing for the interval. It keeps one timer at most, which is not set anew at each delivery but
 * may find that the silence began later than when it was set. A watch without bookmarks has none of it.
 */
export class BookmarkTimer {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #watch: BookmarkedWatch;
  #deliveredMs: number;
  #cancel: (() => void) | undefined;

  /** The first silence begins now. */
  constructor({ clock, intervalMs }: BookmarkTimerOptions, watch: BookmarkedWatch) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#watch = watch;
    this.#deliveredMs = clock.monotonic();
  }

  /** Whether the silence has lasted for the interval. */
  get isDue(): boolean {
    return this.#leftMs() <= 0;
  }

  /** The silence begins again: the watch has delivered something. */
  delivered(): void {
    this.#deliveredMs = this.#clock.monotonic();
  }

  /** Breaks the silence of who waits from now on, once it has lasted. */
  arm(): void {
    this.#cancel ??= this.#clock.after(Math.max(this.#leftMs(), 0), () => this.#onTimer());
  }

  /** The watch is over. */
  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #leftMs(): number {
    return this.#deliveredMs + this.#intervalMs - this.#clock.monotonic();
  }

  #onTimer(): void {
    this.#cancel = undefined;
    if (!this.#watch.isAwaited) return;
    if (!this.isDue) this.arm();
    // Who is about to be woken is told then from where on to look: what is kept may have gone past where it waits.
    else if (!this.#watch.isAboutToBeWoken) this.#watch.breakSilence();
  }
}
