import { Code, type ConnectError } from "@connectrpc/connect";
import { apiError, type Clock } from "@trellis/resource";

import type { HeldBody } from "./held-bytes.ts";
import type { MessageFrames } from "./message-frames.ts";

/** What a body is held to. */
export interface BodyMeterOptions {
  readonly clock: Clock;
  /** The whole body must arrive in this time, or what {@link frames} says; unlimited when absent. */
  readonly timeoutMs?: number | undefined;
  /**
   * For a body of any number of messages: the first must be there whole in the time of `timeoutMs`, and a later one that has begun may not be without
   * another byte for so long while its reader waits for it. What was read counts no more than its unfinished message.
   */
  readonly frames?: MessageFrames | undefined;
  /** Where what is read counts. */
  readonly held: HeldBody;
}

/** Holds a body that is being read to its bounds: of time, and of the bytes of all requests together. */
export interface BodyMeter {
  /** Takes a piece of the body. Throws `LIMIT_REACHED`. */
  take(chunk: Uint8Array): void;
  /** Whoever reads asks for more, and so has taken the messages that were whole. */
  taken(): void;
  /** Whoever reads waits for bytes; returns what ends the waiting. */
  wait(): () => void;
  /** Frees the timer. */
  close(): void;
}

/** Begins the time of a body. `fail` is called when it is over. */
export function createBodyMeter(
  { clock, timeoutMs, frames, held }: BodyMeterOptions,
  fail: (reason: ConnectError) => void,
): BodyMeter {
  const unlimited = (): void => undefined;
  const limitTime = (): (() => void) =>
    timeoutMs === undefined ? unlimited : clock.after(timeoutMs, () => fail(tooSlow(timeoutMs, frames)));
  const endLimit = limitTime();
  const hasBegun = (): boolean => frames !== undefined && frames.whole() > 0;

  return {
    take(chunk) {
      held.take(chunk.byteLength);
      frames?.push(chunk);
      if (hasBegun()) endLimit();
    },
    taken() {
      if (frames !== undefined) held.keep(frames.unfinishedBytes());
    },
    wait: () => (hasBegun() && frames?.unfinishedBytes() !== 0 ? limitTime() : unlimited),
    close: endLimit,
  };
}

/** The error for a body of which too little came in time. */
export function tooSlow(timeoutMs: number, frames?: MessageFrames): ConnectError {
  const what =
    frames === undefined ? "body" : frames.whole() === 0 ? "first message" : "message after those before it";
  return apiError({
    code: Code.DeadlineExceeded,
    reason: "DEADLINE_EXCEEDED",
    message: `the request's ${what} did not arrive within ${timeoutMs} ms; send it faster or in smaller requests`,
    metadata: { applied: "no" },
  });
}
