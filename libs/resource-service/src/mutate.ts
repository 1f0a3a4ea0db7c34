import { Code } from "@connectrpc/connect";
import {
  type CommitResult,
  keyString,
  type Operation,
  StorageError,
  type StoredRecord,
  type Version,
} from "@trellis/storage";

import type { Call } from "./call.ts";
import { wait } from "./deadline.ts";
import type { Environment } from "./environment.ts";
import { callEnded, internalError } from "./errors.ts";
import { FIRST_BACKOFF_MS, MAX_BACKOFF_MS } from "./limits.ts";
import { Patience } from "./patience.ts";
import { ServiceError } from "./service-error.ts";
import { StateView } from "./state-view.ts";
import type { Turns } from "./turns.ts";
import type { Known } from "./when-known.ts";

/** One step of a planned commit. */
export interface PlannedOperation {
  readonly operation: Operation;
  /**
   * Called when the store refused this step, with what was stored then. An error is the answer to the caller; without one the
   * mutation is planned again on what was learned.
   */
  readonly refused?: (current: StoredRecord | undefined) => ServiceError | undefined;
}

/** What a mutation wants committed, and what it answers then. A mutation that changes nothing consists of checks. */
export interface Plan<T> {
  readonly operations: readonly PlannedOperation[];
  /** The answer, given the commit's version; undefined in a dry run, where nothing got one. */
  answer(version: Version | undefined): T;
}

/** Plans on what the view believes, or throws the refusal that follows from it. Runs again on each attempt. */
export type Planner<T> = (view: StateView) => Known<Plan<T>>;

/**
 * Carries out a mutation (DESIGN §6): plan on what is believed, commit, and when the store refuses, plan again on the state that it
 * refused with, until the deadline. A refusal by the planner is answered only after a commit of checks proved what it rests on. Whoever met a
 * conflict tries again in turn with the others who did over the same keys, and who comes later to write one of these goes behind them.
 */
export async function mutate<T>(
  environment: Environment,
  call: Call,
  dryRun: boolean,
  planner: Planner<T>,
): Promise<T> {
  const patience = new Patience(call, dryRun);
  const view = new StateView(environment, patience);
  const turn = new Turn(environment.turns, call);
  let refusals = 0;
  // In its turn a call has nobody but other servers' writers before it, and no reason to wait for those of this one.
  let refusalsInTurn = 0;
  try {
    for (;;) {
      if (refusals > 0) await backOff(environment, call, refusalsInTurn, refusals);
      view.restart();
      const proposing = propose(planner, view);
      const proposal = proposing instanceof Promise ? await proposing : proposing;
      if (proposal.kind === "refusal" && view.proven()) throw proposal.error;
      const operations = proposal.kind === "plan" ? proposal.plan.operations : checksOf(view);
      const written = environment.turns.size === 0 ? NONE : writtenKeys(operations);
      if (turn.mustWait(written)) {
        await turn.take(written);
        if (call.aborted) throw conflict(call.signal, refusals);
        view.doubt();
        continue;
      }
      if (call.aborted) throw callEnded(call.signal);
      let result: CommitResult;
      try {
        result = await environment.backend.commit(operations.map(operationOf), patience);
      } catch (error) {
        throw notCommitted(error);
      }
      if (result.outcome === "applied") {
        if (proposal.kind === "refusal") throw proposal.error;
        call.shows(result.version);
        return proposal.plan.answer(dryRun ? undefined : result.version);
      }
      const step = operations[result.operationIndex];
      if (step === undefined)
        throw internalError(
          new Error(`refused operation ${result.operationIndex} is not one of ${operations.length}`),
        );
      const error = step.refused?.(result.current);
      if (error !== undefined) throw error;
      view.learn(step.operation.key, result.current);
      refusals += 1;
      refusalsInTurn += 1;
      const keys = [...writtenKeys(operations), keyString(step.operation.key)];
      const waits = turn.mustWait(keys);
      if (await turn.take(keys)) refusalsInTurn = 0;
      if (waits) view.doubt();
    }
  } finally {
    turn.end();
  }
}

/** Storage says itself whether a commit was applied; any other failure leaves it open. */
function notCommitted(error: unknown): Error {
  return StorageError.is(error) ? error : internalError(error, "unknown");
}

const NONE: readonly string[] = [];

/** The one turn that a call takes, if it takes any: never a second beside it, for which others could wait that it waits for. */
class Turn {
  readonly #turns: Turns;
  readonly #call: Call;
  #end: (() => void) | undefined;

  constructor(turns: Turns, call: Call) {
    this.#turns = turns;
    this.#call = call;
  }

  /** Whether others are before this call. */
  mustWait(keys: readonly string[]): boolean {
    return this.#end === undefined && this.#turns.contended(keys);
  }

  /** Waits for the turn, unless it is had already. True when it began now. Where the signal ends the wait there is none. */
  async take(keys: readonly string[]): Promise<boolean> {
    if (this.#end !== undefined) return false;
    this.#end = await this.#turns.take(keys, this.#call.signal).catch(() => undefined);
    return this.#end !== undefined;
  }

  end(): void {
    this.#end?.();
  }
}

function operationOf({ operation }: PlannedOperation): Operation {
  return operation;
}

function checksOf(view: StateView): readonly PlannedOperation[] {
  return view.checks().map((operation) => ({ operation }));
}

function writtenKeys(operations: readonly PlannedOperation[]): string[] {
  return operations.flatMap(({ operation: { kind, key } }) => (kind === "check" ? [] : [keyString(key)]));
}

type Proposal<T> =
  | { readonly kind: "plan"; readonly plan: Plan<T> }
  | { readonly kind: "refusal"; readonly error: ServiceError };

function propose<T>(planner: Planner<T>, view: StateView): Known<Proposal<T>> {
  try {
    const planning = planner(view);
    return planning instanceof Promise ? planning.then(proposalOf, refusalOf<T>) : proposalOf(planning);
  } catch (error) {
    return refusalOf(error);
  }
}

function proposalOf<T>(plan: Plan<T>): Proposal<T> {
  return { kind: "plan", plan };
}

/** Only a refusal may rest on stale state. What failed, failed whatever is stored: it is thrown again. */
function refusalOf<T>(error: unknown): Proposal<T> {
  if (!ServiceError.is(error) || error.failure.code === Code.Internal) throw error;
  return { kind: "refusal", error };
}

/** Waits a random time below a bound that doubles. The first retry is immediate: it has the newest state at hand. */
async function backOff(
  environment: Environment,
  call: Call,
  refusalsInTurn: number,
  refusals: number,
): Promise<void> {
  if (refusalsInTurn > 1) {
    const bound = Math.min(FIRST_BACKOFF_MS * 2 ** (refusalsInTurn - 2), MAX_BACKOFF_MS);
    try {
      await wait(environment.clock, bound * environment.random(), call.signal);
      return;
    } catch {
      // The signal ended the wait; told below.
    }
  }
  if (call.signal.aborted) throw conflict(call.signal, refusals);
}

function conflict(signal: AbortSignal, attempts: number): ServiceError {
  const ended = callEnded(signal);
  if (ended.failure.code === Code.Canceled) return ended;
  return new ServiceError({
    code: Code.Unavailable,
    reason: "CONFLICT",
    message: `other writers kept changing the resource until the deadline (${attempts} attempts); nothing was applied, try again`,
  });
}
