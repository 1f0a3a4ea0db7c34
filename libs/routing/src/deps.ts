import type { Clock, Random } from "@trellis/resource";
import type { OpenStorageLink } from "@trellis/storage/wire";

/** What routing works with: all that it knows of the world outside. */
export interface RoutingDeps {
  readonly openLink: OpenStorageLink;
  readonly clock: Clock;
  /** Draws session ids and spreads repeated attempts. */
  readonly random: Random;
  /** Told of what an operator may want in a log. */
  readonly onEvent?: ((event: RoutingEvent) => void) | undefined;
}

/** Something that happened between this process and the servers of the storage. */
export type RoutingEvent =
  | { readonly kind: "server-linked"; readonly address: string; readonly server: string }
  | { readonly kind: "server-lost"; readonly address: string; readonly reason: string }
  /** It is not there, or is none of those that belong here: told once until it is linked. */
  | { readonly kind: "server-not-linked"; readonly address: string; readonly reason: string }
  /** It shows another store than the one that is known here: nothing is asked of it. */
  | { readonly kind: "server-of-other-store"; readonly address: string; readonly reason: string }
  | { readonly kind: "leader-known"; readonly address: string; readonly term: number }
  | { readonly kind: "leader-lost"; readonly reason: string }
  | { readonly kind: "session-lost"; readonly session: string }
  | { readonly kind: "store-changed"; readonly storeId: string; readonly former: string };
