import type { MinimumPosition, Position } from "@trellis/storage";

import type { StoreIdentity } from "../servers/store-identity.ts";

/** The newest position that was shown to callers: nothing older is shown after it, whichever replica is asked. */
export class Mark {
  readonly #store: StoreIdentity;
  #newest: Position | undefined;

  constructor(store: StoreIdentity) {
    this.#store = store;
  }

  /** Undefined while nothing of the present store was shown. */
  get position(): Position | undefined {
    return this.#newest?.storeId === this.#store.id ? this.#newest : undefined;
  }

  /** Callers are shown this. */
  shows(position: Position): void {
    if (this.#store.id === undefined) this.#store.saw(position);
    const before = this.position;
    if (position.storeId !== this.#store.id) return;
    if (before === undefined || position.version > before.version) this.#newest = position;
  }

  /** What a replica must have reached for a caller that asks for `minimum`. Versions of another store are for the replica to judge. */
  atLeast(minimum: MinimumPosition | undefined): MinimumPosition | undefined {
    const shown = this.position;
    if (shown === undefined) return minimum;
    if (minimum === undefined) return shown;
    if (minimum.storeId !== undefined && minimum.storeId !== shown.storeId) return minimum;
    return minimum.version > shown.version ? { storeId: shown.storeId, version: minimum.version } : shown;
  }
}

/** Of what passes by for others who keep their own marks: asks for nothing. */
export const NO_MARK: Pick<Mark, "position" | "shows" | "atLeast"> = {
  position: undefined,
  shows: () => undefined,
  atLeast: (minimum) => minimum,
};

/** Where marks are kept. */
export type Marks = Pick<Mark, "position" | "shows" | "atLeast">;
