import type { CommitOptions } from "@trellis/storage";

import type { Call } from "./call.ts";

/** How long a call waits for storage, and nothing else of what it asks of reads. Its signal is made where somebody waits. */
export class Patience implements CommitOptions {
  readonly caller: Call;
  readonly evaluateOnly: boolean;

  constructor(caller: Call, evaluateOnly: boolean) {
    this.caller = caller;
    this.evaluateOnly = evaluateOnly;
  }

  get signal(): AbortSignal {
    return this.caller.signal;
  }
}
