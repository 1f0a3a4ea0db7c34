import { Code } from "@connectrpc/connect";
import { apiError, type Clock, Linked, LinkedItems } from "@trellis/resource";

import { type NodeRequest, type NodeResponse, watchClient } from "./node-exchange.ts";

/** How long a stream may take, once its part has stopped, to say its last word; then it is aborted. */
const STREAM_GRACE_MS = 1_000;

/** One request under way. */
export interface Exchange {
  /** Aborted when the client goes away; for streams also when the server stops. */
  readonly signal: AbortSignal;
  /** Says that the answer is a stream, which then ends when the server stops. */
  markStream(): void;
  /** Calls back when the whole answer is on its way, or given up. */
  atAnswer(callback: () => void): void;
  /** The whole answer is on its way. */
  answered(): void;
  /** The answer is written, or given up. */
  close(): void;
}

/** A call that is told to end. */
export interface Endable {
  abort(reason: Error): void;
}

/** A call under way, until it leaves. */
export class Entered extends Linked {
  readonly call: Endable;
  stream: boolean;

  constructor(call: Endable, stream: boolean) {
    super();
    this.call = call;
    this.stream = stream;
  }
}

/** The requests under way in a server. */
export interface Exchanges {
  open(request: NodeRequest, response: NodeResponse, stream: boolean): Exchange;
  /** Counts a call without a stream, which hears of its client itself. */
  enter(call: Endable): Entered;
  /** Its answer is written, or given up. */
  leave(entered: Entered): void;
  size(): number;
  /**
   * Resolves when nothing is under way any more, or after `graceMs`; what is left is then aborted. Streams that have not ended by
   * themselves after a part of that are aborted then.
   */
  drain(graceMs: number): Promise<void>;
}

/** Makes an empty set of exchanges. */
export function createExchanges(clock: Clock): Exchanges {
  const open = new LinkedItems<Entered>();
  let emptied: (() => void) | undefined;
  let draining = false;

  function endAll(streamsOnly: boolean): void {
    for (const one of open.all())
      if (one.isListed && (one.stream || !streamsOnly)) one.call.abort(shuttingDown());
  }
  function leave(one: Entered): void {
    open.remove(one);
    if (open.size > 0) return;
    // A call that is passed on leaves, and is entered again before anything else happens.
    queueMicrotask(() => {
      if (open.size === 0) emptied?.();
    });
  }

  return {
    open(request, response, stream) {
      const controller = watchClient(request, response);
      const one = new Entered(controller, stream);
      const callbacks: (() => void)[] = [];
      const answered = (): void => {
        for (const callback of callbacks.splice(0)) callback();
      };
      open.add(one);
      if (draining && stream) controller.abort(shuttingDown());
      return {
        signal: controller.signal,
        markStream() {
          one.stream = true;
          if (draining) controller.abort(shuttingDown());
        },
        atAnswer: (callback) => void callbacks.push(callback),
        answered,
        close() {
          answered();
          leave(one);
        },
      };
    },
    enter(call) {
      const one = new Entered(call, false);
      open.add(one);
      return one;
    },
    leave,
    size: () => open.size,
    async drain(graceMs) {
      draining = true;
      if (open.size === 0) return;
      const cancelStreams = clock.after(Math.min(graceMs, STREAM_GRACE_MS), () => endAll(true));
      await new Promise<void>((resolve) => {
        const cancel = clock.after(graceMs, resolve);
        emptied = () => {
          cancel();
          resolve();
        };
      });
      cancelStreams();
      endAll(false);
    },
  };
}

function shuttingDown(): Error {
  return apiError({
    code: Code.Unavailable,
    reason: "SHUTTING_DOWN",
    message: "the server is shutting down; call again, another server or this one restarted will answer",
    retryAfterMs: 1_000,
  });
}
