import type { Environment } from "../environment.ts";
import { createPaint } from "./paint.ts";

/** A bar at the bottom of the terminal while something long goes on. */
export interface Progress {
  /** Writes lines to the standard output, above the bar. */
  readonly print: (text: string) => void;
  /** So much more of the total is done; one, unless it is said. */
  step(count?: number): void;
  /** Removes the bar. */
  end(): void;
}

/** What a bar shows. */
export interface ProgressOptions {
  readonly title: string;
  readonly total: number;
  /** There is no bar for less. */
  readonly least?: number;
  /** An amount as people read it. */
  readonly show?: (amount: number) => string;
}

/** Fewer are done before anybody would look. */
const MIN_TOTAL = 50;
/** Time between two drawings where no line is printed, in milliseconds. */
const REDRAW_INTERVAL_MS = 100;
/** The widest bar, and the narrowest that says something, in columns. */
const MAX_BAR_WIDTH = 30;
const MIN_BAR_WIDTH = 6;
/** To the line's beginning, and nothing after it. */
const ERASE = "\r\u001B[K";

/** Makes a bar on the standard error where that is a terminal and there is enough to do; elsewhere nothing but the lines is written. */
export function createProgress(
  { stdout, stderr, clock, colour, errorColumns }: Environment,
  { title, total, least = MIN_TOTAL, show = String }: ProgressOptions,
): Progress {
  const none = { print: stdout, step: () => undefined, end: () => undefined };
  if (errorColumns === undefined || total < least) return none;
  const paint = createPaint(colour);
  let done = 0;
  let over = false;
  let drawnMs: number | undefined;
  const draw = () => {
    const count = `${show(done).padStart(show(total).length)}/${show(total)}`;
    // The last column stays free: some terminals go to the next line at once.
    const room = errorColumns - title.length - count.length - 5;
    const width = Math.min(MAX_BAR_WIDTH, room);
    const filled = Math.round((done / total) * width);
    const bar = `${paint.good("█".repeat(Math.max(0, filled)))}${paint.quiet("░".repeat(Math.max(0, width - filled)))}`;
    stderr(`${ERASE}${width < MIN_BAR_WIDTH ? count : `${title}  ${bar}  ${count}`}`);
    drawnMs = clock.monotonic();
  };
  const erase = () => {
    if (drawnMs !== undefined) stderr(ERASE);
    drawnMs = undefined;
  };
  return {
    print(text) {
      erase();
      stdout(text);
      if (!over) draw();
    },
    step(count = 1) {
      done += count;
      if (drawnMs === undefined || clock.monotonic() - drawnMs >= REDRAW_INTERVAL_MS) draw();
    },
    end() {
      over = true;
      erase();
    },
  };
}
