import { checkKey } from "./check-key.ts";
import { type Key, TextKey } from "./key.ts";
import type { Precondition } from "./operation.ts";

/**
 * A check that many commits have, as that of a namespace that takes something new. It cannot be changed, so that each commit has the same one, which knows its place in a store of this process and how it
 * is encoded. Like any other check, otherwise. Throws `invalid` for a key that no record can have.
 */
export class StandingCheck {
  readonly kind = "check";
  readonly key: Key;
  readonly preconditions: readonly Precondition[];
  #encoding: Uint8Array | undefined;

  constructor(key: Key, preconditions: readonly Precondition[]) {
    checkKey(key);
    this.key = Object.freeze(new TextKey(key));
    this.preconditions = Object.freeze(
      preconditions.map((precondition) => Object.freeze({ ...precondition })),
    );
    Object.freeze(this);
  }

  /** The bytes that it has in a commit, where somebody noted them: nobody's business but of who encodes commits. */
  get encoding(): Uint8Array | undefined {
    return this.#encoding;
  }

  /** Notes the bytes that it has in a commit. */
  encodedAs(encoding: Uint8Array): void {
    this.#encoding = encoding;
  }
}
