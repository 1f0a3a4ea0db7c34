import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock, Random } from "@trellis/resource";

import type { Faults } from "./faulty-transport.ts";

/** How bad a network is. */
export interface RandomFaultsOptions {
  readonly clock: Clock;
  /** Decides what goes wrong, and when. */
  readonly random: Random;
  /** The part of the calls that never reach the server, and of the answers that get lost: 0.1 when absent. A stream is cut after a message half as often. */
  readonly likelihood?: number;
  /** How long a request, an answer or a message is under way at most, in milliseconds: 20 when absent. */
  readonly maxDelayMs?: number;
}

/** Faults that come at random until they are ended. */
export interface RandomFaults extends Faults {
  /** From now on everything arrives at once. */
  end(): void;
}

/** A network on which calls, answers and messages take their time, and some of each get lost. */
export function randomFaults({
  clock,
  random,
  likelihood = 0.1,
  maxDelayMs = 20,
}: RandomFaultsOptions): RandomFaults {
  let ended = false;
  async function mayFail(part: number): Promise<void> {
    if (ended) return;
    const delayMs = Math.floor(random() * (maxDelayMs + 1));
    const isLost = random() < part;
    if (delayMs > 0) await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    if (isLost) throw new ConnectError("the network of this test loses things", Code.Unavailable);
  }
  return {
    request: () => mayFail(likelihood),
    answer: () => mayFail(likelihood),
    message: () => mayFail(likelihood / 2),
    end: () => void (ended = true),
  };
}
