/** What ends a wait: a part of an `AbortSignal`, so that who makes one for each call need not make one of the platform, which costs as much as a small commit. */
export interface CallSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** The same options, of a call that any {@link CallSignal} ends. */
export type EndedBy<Options> = Omit<Options, "signal"> & { readonly signal?: CallSignal | undefined };

/** A signal that one waits for at a time, for calls that are made often. */
export class CallEnding implements CallSignal {
  #isAborted = false;
  #listener: (() => void) | undefined;

  get aborted(): boolean {
    return this.#isAborted;
  }

  addEventListener(_: "abort", listener: () => void): void {
    if (this.#listener !== undefined)
      throw new Error("broken invariant of a call's end: two wait for it, expected one at a time");
    this.#listener = listener;
  }

  removeEventListener(_: "abort", listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
  }

  /** Ends the wait. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.();
  }
}
