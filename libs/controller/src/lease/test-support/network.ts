import type { Clock } from "@trellis/resource";
import type { Faults, NetworkCall } from "@trellis/testing";

import type { PausableClock } from "./pausable-clock.ts";

/** The network between one process and the server. What is held waits until it is let go. */
export class Network {
  /** Nothing comes through: calls fail. */
  cut = false;
  /** How long answers take, in milliseconds. */
  answerMs = 0;
  /** Called with each request that reaches the server. */
  onRequest: ((method: string) => void) | undefined;
  /** The methods whose next answers are lost. */
  readonly lose: string[] = [];
  #requests: PromiseWithResolvers<void> | undefined;
  #messages: PromiseWithResolvers<void> | undefined;
  readonly #streams = new Set<NetworkCall>();
  #heldStreams: ReadonlySet<NetworkCall> = new Set();

  /** Holds requests that are sent from now on. */
  holdRequests(): void {
    this.#requests ??= Promise.withResolvers();
  }

  /** Holds what watches tell: those that have told something, or all. */
  holdMessages(of: "all watches" | "open watches" = "all watches"): void {
    this.#messages ??= Promise.withResolvers();
    if (of === "open watches") this.#heldStreams = new Set(this.#streams);
  }

  letRequestsGo(): void {
    this.#requests?.resolve();
    this.#requests = undefined;
  }

  /** Holds nothing any more. */
  letGo(): void {
    this.letRequestsGo();
    this.#messages?.resolve();
    this.#messages = undefined;
    this.#heldStreams = new Set();
  }

  /** What it does to the calls of a process that has `own` for its clock; `clock` is everybody's. */
  faults(clock: Clock, own: PausableClock): Faults {
    const sleep = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        clock.after(ms, resolve);
      });
    return {
      request: async ({ method }) => {
        await own.running;
        if (this.cut) throw new Error("the network is cut");
        await this.#requests?.promise;
        this.onRequest?.(method);
      },
      answer: async ({ method }) => {
        if (this.answerMs > 0) await sleep(this.answerMs);
        await own.running;
        const lost = this.lose.indexOf(method);
        if (lost !== -1) this.lose.splice(lost, 1);
        if (this.cut || lost !== -1) throw new Error("the answer was lost");
      },
      message: async (call) => {
        this.#streams.add(call);
        await own.running;
        if (this.#heldStreams.size === 0 || this.#heldStreams.has(call)) await this.#messages?.promise;
        if (this.cut) throw new Error("the network is cut");
      },
    };
  }
}
