import type { Answer } from "./answer.ts";
import type { RawRequest } from "./protocols.ts";

/** Long enough for the first half of a request to be on its way. */
const MIDWAY_MS = 5;

/** Calls back when the client goes away: with half a request unsent in any case, else unless the answer is there before. */
export function leaveLater({ leaves }: RawRequest, answer: Promise<Answer>, leave: () => void): void {
  if (leaves === undefined) return;
  const timer = setTimeout(leave, leaves === "midway" ? MIDWAY_MS : leaves.afterMs);
  if (leaves !== "midway") void answer.then(() => clearTimeout(timer));
}

/** What a client that goes away midway has sent of its body. */
export function firstHalf(body: Uint8Array | undefined): Uint8Array {
  return body?.subarray(0, body.byteLength >> 1) ?? new Uint8Array(0);
}
