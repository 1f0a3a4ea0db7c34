import type { Client } from "@trellis/client";

/** A time during which a controller runs in this process. */
export interface Tenure {
  /** What it works with: its writes succeed only while the tenure lasts. */
  readonly client: Client;
  /** The store version that its caches must show before it begins, decimal: what a predecessor wrote is in there. Any when absent. */
  readonly since?: string | undefined;
}

/** What a placement has controllers do. */
export interface Placed {
  readonly begin: (controller: string, tenure: Tenure) => void;
  /** It writes nothing more from now on. Resolves once it has come to its end. */
  readonly end: (controller: string) => Promise<void>;
}

/** Decides where controllers run, and when. */
export interface Placement {
  start(controllers: readonly string[], placed: Placed): void;
  /** Begins nothing from now on; what runs goes on. */
  retire(): void;
  /** Once nothing of it runs any more: leaves it to other processes. */
  stop(): Promise<void>;
  /** What it waits for before it can decide; undefined when it has decided about each controller. */
  waitingFor(): { readonly type: string; readonly error: unknown } | undefined;
  /** Who runs a controller instead, in words; undefined when nobody is known to. */
  elsewhere(controller: string): string | undefined;
}

/** Everything runs here, always: for a process that is the only one with these controllers. */
export function alwaysHere(client: Client): Placement {
  return {
    start(controllers, { begin }) {
      for (const controller of controllers) begin(controller, { client });
    },
    retire: () => undefined,
    stop: async () => undefined,
    waitingFor: () => undefined,
    elsewhere: () => undefined,
  };
}
