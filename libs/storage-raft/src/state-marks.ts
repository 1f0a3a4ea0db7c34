import { createHash } from "node:crypto";

import { RaftNodeError, type StateCapture } from "@trellis/raft-node";
import { toVersion, type Version } from "@trellis/storage";

/** The hash of a state: equal on two replicas at one version if, and only if, their store id, sessions and records are. */
export interface StateHash {
  readonly version: Version;
  /** SHA-256, in hexadecimal digits. */
  readonly hash: string;
}

/** A mark that is looked out for. */
export interface ExpectedMark {
  /** Resolves with the hash of the state behind the entry that carries the mark. */
  readonly hash: Promise<StateHash>;
  /** Nobody waits for it any more. */
  cancel(): void;
}

/** Marks that are looked out for at a time: each may hold a copy of the state. */
const MAX_MARKS = 4;

/**
 * The comparison of replicas: an entry of the log carries a mark, and each replica takes hold of its state right behind it, so that all of them do so at one
 * version, however far they have come meanwhile. Whether a mark is looked out for has no say in what entries do.
 */
export class StateMarks {
  readonly #expected = new Map<string, (index: number, capture: StateCapture) => void>();

  /** Looks out for a mark. Throws `busy` when there are too many. */
  expect(mark: string): ExpectedMark {
    if (this.#expected.size >= MAX_MARKS || this.#expected.has(mark)) {
      throw new RaftNodeError(
        "busy",
        `expected at most ${MAX_MARKS} comparisons of replicas at a time; wait until one is through`,
      );
    }
    const hash = new Promise<StateHash>((resolve, reject) => {
      this.#expected.set(mark, (index, capture) => {
        hashOf(index, capture).then(resolve, reject);
      });
    });
    // Whoever waits is told; a caller that has gone meanwhile leaves nobody.
    hash.catch(() => undefined);
    return { hash, cancel: () => void this.#expected.delete(mark) };
  }

  /** An entry that carries a mark was applied. */
  reached(mark: string, index: number, capture: () => StateCapture): void {
    const found = this.#expected.get(mark);
    if (found === undefined) return;
    this.#expected.delete(mark);
    found(index, capture());
  }
}

/** The hash of a state that was taken hold of at a version; made in slices. */
export async function hashOf(version: number, capture: StateCapture): Promise<StateHash> {
  const hash = createHash("sha256");
  for await (const chunk of capture.chunks()) hash.update(chunk);
  return { version: toVersion(version), hash: hash.digest("hex") };
}
