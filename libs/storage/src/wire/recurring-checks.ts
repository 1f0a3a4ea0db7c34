import { keyFault } from "../check-key.ts";
import type { Operation } from "../operation.ts";
import { StandingCheck } from "../standing-check.ts";

/** Checks that are remembered at most, a power of two: most commits are about a few tenancies. */
const PLACES = 256;
/** Those of more bytes are read each time. */
const MAX_BYTES = 256;
/** The last field of a check, which is empty. */
const CHECK = 0x2a;
const CHECK_BYTES = 2;

/** A check, and the bytes that say it. */
interface Remembered {
  readonly bytes: Uint8Array;
  readonly check: StandingCheck;
}

/**
 * The checks that most commits have, as of a namespace that takes something new: whoever reads the bytes of one again gets the same. It is remembered when it comes the second time, and found by all of its
 * bytes, so that there is never another for the same, nor the same for others.
 */
export class RecurringChecks {
  readonly #places: (Remembered | undefined)[] = Array.from({ length: PLACES }, () => undefined);
  /** For each place, what came there last that is not remembered. */
  readonly #seen = new Int32Array(PLACES);

  /** The check that is said there, if it is remembered. */
  find(bytes: Uint8Array, start: number, end: number): StandingCheck | undefined {
    if (!isShortCheck(bytes, start, end)) return undefined;
    const found = this.#places[placeOf(digestOf(bytes, start, end))];
    return found !== undefined && isSame(found.bytes, bytes, start, end) ? found.check : undefined;
  }

  /** An operation that was read there: a remembered check in its place, if it is one that comes again and again. */
  read(operation: Operation, bytes: Uint8Array, start: number, end: number): Operation {
    if (!isStanding(operation) || !isShortCheck(bytes, start, end)) return operation;
    const digest = digestOf(bytes, start, end);
    const place = placeOf(digest);
    if (this.#seen[place] !== digest) {
      this.#seen[place] = digest;
      return operation;
    }
    const check = new StandingCheck(operation.key, operation.preconditions);
    this.#places[place] = { bytes: new Uint8Array(bytes.subarray(start, end)), check };
    return check;
  }
}

/** Whether an operation has nothing in it that is of one moment or one incarnation. */
function isStanding({ kind, key, preconditions }: Operation): boolean {
  const [first] = preconditions;
  return (
    kind === "check" &&
    preconditions.length === 1 &&
    first?.kind === "live" &&
    first.uid === undefined &&
    keyFault(key) === undefined
  );
}

/** At a glance: a put ends otherwise, but for one that has these bytes by chance. */
function isShortCheck(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  return (
    length <= MAX_BYTES && length >= CHECK_BYTES && bytes[end - CHECK_BYTES] === CHECK && bytes[end - 1] === 0
  );
}

/** FNV-1a (https://www.rfc-editor.org/rfc/rfc9923), of 32 bits. */
function digestOf(bytes: Uint8Array, start: number, end: number): number {
  let digest = 0x811c9dc5;
  for (let at = start; at < end; at++) digest = Math.imul(digest ^ (bytes[at] ?? 0), 0x01000193);
  return digest;
}

function placeOf(digest: number): number {
  return (digest ^ (digest >>> 16)) & (PLACES - 1);
}

function isSame(expected: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (expected.length !== end - start) return false;
  for (let at = 0; at < expected.length; at++) if (expected[at] !== bytes[start + at]) return false;
  return true;
}
