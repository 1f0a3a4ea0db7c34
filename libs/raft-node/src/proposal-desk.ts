import { type EntryType, none, type RaftCore, RaftError } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import { MAX_KEPT_COMMANDS } from "./options.ts";
import { PendingProposals } from "./pending-proposals.ts";
import { Proposal } from "./proposal.ts";
import type { Applied, ProposeOptions } from "./raft-node.ts";

/** What proposals depend on. */
export interface DeskDeps {
  readonly core: () => RaftCore;
  readonly limits: { readonly pendingProposals: number; readonly pendingBytes: number };
  /** Why nothing is taken now; undefined when something is. */
  readonly refusal: () => RaftNodeError | undefined;
  readonly wake: () => void;
}

/** Where proposals are taken: first into a queue, with the next turn into the log, all of the turn together; then they wait for their answer. */
export class ProposalDesk {
  readonly pending = new PendingProposals();
  readonly #deps: DeskDeps;
  #queue: Proposal[] = [];
  #queuedBytes = 0;

  constructor(deps: DeskDeps) {
    this.#deps = deps;
  }

  /** Proposals that wait, for their turn or for their answer. */
  get count(): number {
    return this.pending.count + this.#queue.length;
  }

  /** Takes a proposal. Resolves when it was applied. */
  propose(type: EntryType, data: Uint8Array, { signal, command }: ProposeOptions): Promise<Applied> {
    const refused = this.#deps.refusal() ?? this.#refuse(data.length, signal);
    if (refused !== undefined) return Promise.reject(refused);
    const kept = this.count < MAX_KEPT_COMMANDS ? command : undefined;
    return new Promise((resolve, reject) => {
      this.#queue.push(new Proposal({ type, data, signal, command: kept, resolve, reject }));
      this.#queuedBytes += data.length;
      this.#deps.wake();
    });
  }

  #refuse(length: number, signal: ProposeOptions["signal"]): RaftNodeError | undefined {
    if (signal?.aborted === true) return aborted();
    const { pendingProposals, pendingBytes } = this.#deps.limits;
    const { count } = this;
    const bytes = this.pending.bytes + this.#queuedBytes;
    if (count < pendingProposals && (count === 0 || bytes + length <= pendingBytes)) return undefined;
    return new RaftNodeError(
      "busy",
      `${count} proposals of ${bytes} bytes wait for a quorum (pendingProposals, pendingBytes); try again later`,
    );
  }

  /** Puts what waits into the leader's log. */
  take(): void {
    if (this.#queue.length === 0) return;
    const proposals = this.#queue.filter(stillWanted);
    this.#queue = [];
    this.#queuedBytes = 0;
    const refused = this.#deps.refusal() ?? this.#append(proposals);
    if (refused === undefined) return;
    for (const { reject } of proposals) reject(refused);
  }

  /** Nothing that waits for its turn will have it. */
  refuseAll(error: RaftNodeError): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { reject } of queue) reject(error);
  }

  #append(proposals: readonly Proposal[]): RaftNodeError | undefined {
    if (proposals.length === 0) return undefined;
    const core = this.#deps.core();
    const before = core.lastIndex;
    try {
      core.proposeAll(proposals);
    } catch (error) {
      if (!RaftError.is(error)) throw error;
      return new RaftNodeError("busy", "too much waits for a quorum already; try again later", {
        cause: error,
      });
    }
    const { term } = core;
    let index = before;
    for (const proposal of proposals) this.pending.add(proposal, ++index, term);
    return undefined;
  }
}

/** Whether a proposal's caller still waits; one that does not is told. */
function stillWanted({ signal, reject }: Proposal): boolean {
  if (signal?.aborted !== true) return true;
  reject(aborted());
  return false;
}

/** Why a node that does not lead, or is about to hand leadership over, takes nothing; undefined when it does lead. */
export function notLeading(self: number, core: RaftCore): RaftNodeError | undefined {
  const { role, leader, transferee } = core;
  if (role === "leader" && transferee === none) return undefined;
  const known = transferee === none ? leader : transferee;
  const found =
    known === none || known === self ? "knows of no other leader now" : `knows ${known} as the leader`;
  return new RaftNodeError(
    "not-leader",
    `node ${self} does not take proposals, it ${found}; nothing was applied, ask the leader`,
    { leader: known === none || known === self ? undefined : known },
  );
}

/** Why a node without room for entries takes nothing. */
export function noSpace(self: number): RaftNodeError {
  return new RaftNodeError(
    "no-space",
    `node ${self} has no space on its disk for entries; nothing was applied. Free space: it goes on by itself`,
  );
}

function aborted(): RaftNodeError {
  return new RaftNodeError(
    "aborted",
    "the caller ended the proposal before it was taken; nothing was applied",
  );
}
