/** One call at its server. It makes its signal for the first who asks: that costs as much as a small commit. */
export class CallUnderWay {
  /** See `SubmitOptions.encoded`. */
  encoded: Uint8Array | undefined = undefined;
  #isAborted = false;
  #controller: AbortController | undefined;

  /** For who looks now and then: see `CallOptions.caller`. */
  get caller(): { readonly aborted: boolean } {
    return this;
  }

  /** Whether nobody waits for its answer any more. */
  get aborted(): boolean {
    return this.#isAborted;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}
