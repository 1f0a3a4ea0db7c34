import type { Backend } from "../backend.ts";

/** How the cases reach the backend that they judge. */
export interface ConformanceOptions {
  /** Opens an empty backend. Each case opens its own and closes it. */
  readonly open: () => Promise<Backend>;
  /** Opens an empty backend whose history keeps {@link SMALL_HISTORY_COMMITS} commits; without it the cases on that bound are left out. */
  readonly openSmall?: (() => Promise<Backend>) | undefined;
  /** What a watch was sent waits on its way for a slow consumer, who so is slow only once that is full. */
  readonly watchesAreBuffered?: boolean | undefined;
  /** Its watches can be waited for without a promise and offer what is at hand (`Watch.sleep`, `Watch.offer`): how is checked then, and else that they do neither. */
  readonly watchesSleep?: boolean | undefined;
  /** Lets that much time pass on the backend's clock: virtual time where it has one. */
  readonly elapse: (milliseconds: number) => Promise<void>;
}

/** Commits that the history of `openSmall` keeps. */
export const SMALL_HISTORY_COMMITS = 16;

/** One check of the storage contract. */
export interface ConformanceCase {
  /**
   * Unique; begins with the case's number (`storage 11`) or, for the six promises of watches, with the promise. The cases of the resource service
   * that it covers stand at its end (`(T533 T534)`).
   */
  readonly name: string;
  /** Throws when the backend breaks the case. */
  readonly run: () => Promise<void>;
}

/** What a case does with its backend. */
export type CaseBody = (backend: Backend) => Promise<void>;

/** Makes a case that opens a backend and closes it whatever happens. */
export function caseOf(name: string, open: () => Promise<Backend>, body: CaseBody): ConformanceCase {
  return {
    name,
    async run() {
      const backend = await open();
      try {
        await body(backend);
      } finally {
        await backend.close();
      }
    },
  };
}
