import type { Client } from "@trellis/client";

import type { ControllerPlacement } from "../controller.ts";
import { memberClient } from "./member-client.ts";
import type { Shard } from "./shard-of.ts";

/** A time during which a controller, or one shard of it, runs in this process. */
export interface Tenure {
  /** What it works with: its writes succeed only while the tenure lasts. */
  readonly client: Client;
  /** The store version that its caches must show before it begins, decimal: what a predecessor wrote is in there. Any when absent. */
  readonly since?: string | undefined;
  /** Which names it is for (`shardOf`): all when absent. A controller has a tenure for each shard that runs here. */
  readonly shard?: Shard | undefined;
}

/** How a tenure ends: what is under way is cut off, because nothing may be written any more, or may come to its end first, because the tenure lasts until then. */
export type TenureEnd = "at once" | "in good order";

/** What a placement has controllers do. */
export interface Placed {
  readonly begin: (controller: string, tenure: Tenure) => void;
  /** A tenure that `begin` was told of is over. Resolves once nothing of it runs any more. */
  readonly end: (controller: string, tenure: Tenure, how: TenureEnd) => Promise<void>;
}

/** What a placement needs to know of a controller. */
export interface PlacedDefinition {
  readonly name: string;
  /** `singleton` when absent. */
  readonly placement?: ControllerPlacement | undefined;
}

/** Decides where controllers run, and when. */
export interface Placement {
  /** Throws a TypeError for controllers that cannot be placed side by side. */
  start(controllers: readonly PlacedDefinition[], placed: Placed): void;
  /** Begins nothing from now on; what runs goes on. */
  retire(): void;
  /** Once nothing of it runs any more: leaves it to other processes. */
  stop(): Promise<void>;
  /** What it waits for before it can decide; undefined when it has decided about each controller. */
  waitingFor(): { readonly type: string; readonly error: unknown } | undefined;
  /** Who runs a controller, or shards of it, instead, in words; undefined when nobody is known to. */
  elsewhere(controller: string): string | undefined;
}

/** Everything runs here, always: for a process that is the only one with these controllers. */
export function alwaysHere(client: Client): Placement {
  return {
    start(controllers, { begin }) {
      for (const { name, placement } of controllers) begin(name, { client: memberClient(client, placement) });
    },
    retire: () => undefined,
    stop: async () => undefined,
    waitingFor: () => undefined,
    elsewhere: () => undefined,
  };
}
