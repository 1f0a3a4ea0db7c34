import type { Position } from "@trellis/storage";

/** Stores that are remembered as gone. */
const MAX_FORMER = 8;

/**
 * Which store this is. It changes after a restore or a forced recovery, and only a leader is believed that it did: what is left of a former one is not shown again,
 * nor is what another cluster has.
 */
export class StoreIdentity {
  #id: string | undefined;
  readonly #former: string[] = [];
  readonly #onChange: (id: string, former: string) => void;

  constructor(onChange: (id: string, former: string) => void) {
    this.#onChange = onChange;
  }

  /** Undefined until a store was seen. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Whether a position belongs to another store than this: a former one, or that of another cluster. */
  isOther({ storeId }: Position): boolean {
    return this.#id !== undefined && storeId !== this.#id;
  }

  /** Whether a position belongs to a store that was there before. */
  isFormer({ storeId }: Position): boolean {
    return this.#former.includes(storeId);
  }

  /** A position was shown by a leader; or by any server, while no store is known. */
  saw({ storeId }: Position): void {
    if (storeId === this.#id || this.#former.includes(storeId)) return;
    const former = this.#id;
    this.#id = storeId;
    if (former === undefined) return;
    this.#former.push(former);
    if (this.#former.length > MAX_FORMER) this.#former.shift();
    this.#onChange(storeId, former);
  }
}
