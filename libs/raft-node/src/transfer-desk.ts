import type { NodeId } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";

/** Transfers that are asked for in one turn; more are refused. */
const MAX_WAITING = 16;

/** What handing leadership over needs. */
export interface TransferDeskDeps {
  /** Who is to lead next. Throws why nobody is: this node does not lead, or the one who was named may not. */
  readonly target: (to: NodeId | undefined) => NodeId;
  readonly begin: (target: NodeId) => void;
  readonly wake: () => void;
}

interface Waiting {
  readonly to: NodeId | undefined;
  readonly resolve: (target: NodeId) => void;
  readonly reject: (error: unknown) => void;
}

/** Holds what is asked for until the loop's next turn: by then a leader that stood still has stepped down, and has nothing to hand over. */
export class TransferDesk {
  readonly #deps: TransferDeskDeps;
  #waiting: Waiting[] = [];

  constructor(deps: TransferDeskDeps) {
    this.#deps = deps;
  }

  /** Resolves with the target once the transfer was begun. Rejects with `not-leader`, `busy`, `invalid`, `unavailable`, and why the node is over. */
  async ask(to: NodeId | undefined): Promise<NodeId> {
    // What can be refused at once is.
    this.#deps.target(to);
    if (this.#waiting.length >= MAX_WAITING)
      throw new RaftNodeError(
        "busy",
        `${MAX_WAITING} transfers of leadership are asked for already; try again`,
      );
    const { promise, resolve, reject } = Promise.withResolvers<NodeId>();
    this.#waiting.push({ to, resolve, reject });
    this.#deps.wake();
    return await promise;
  }

  /** Begins, or refuses, what was asked for. */
  take(): void {
    for (const { to, resolve, reject } of this.#waiting.splice(0)) {
      try {
        const target = this.#deps.target(to);
        this.#deps.begin(target);
        resolve(target);
      } catch (error) {
        reject(error);
      }
    }
  }
}
