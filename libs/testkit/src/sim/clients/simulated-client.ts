import {
  type Backend,
  type CommitResult,
  type Operation,
  type ReadOptions,
  StorageError,
  type StorageErrorCode,
  type SessionRequest,
  toCommitResult,
} from "@trellis/storage";
import type { Replica } from "@trellis/storage-raft";

import type { RecordedCommit } from "../../history/history.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Machine } from "../cluster/machine.ts";
import { isUnknownOutcome, within } from "./answers.ts";
import { NoAnswer } from "./calls.ts";
import { ClientSession, type Ticket } from "./client-session.ts";
import { RecordingClient, type RecordingClientParts, type Shown } from "./recording-client.ts";

/** What a client of the replicas themselves works with. */
export interface ClientParts extends RecordingClientParts {
  readonly cluster: Cluster;
  /** Whether its commits are sent again when nobody knows what became of them. */
  readonly hasSession: boolean;
}

/** How long one call may take. */
const CALL_MS = 2_500;
/** How long one try of a commit may take. */
const TRY_MS = [400, 1_000, CALL_MS];
/** Probability that a request is sent again by somebody on the way, and how late, on average. */
const REPEAT_RATE = 0.05;
const REPEAT_MS = 1_500;
/** Probability that a session is left for a new one after a commit. */
const SESSION_END_RATE = 0.02;
/** Between two tries. */
const PAUSE_MS = 60;

/** A client of the cluster: calls whoever it takes for the leader, tries again where that is allowed, and writes down what it did and saw. */
export class SimulatedClient extends RecordingClient<ClientParts, Machine> {
  readonly #session: ClientSession;
  /** Commits of which somebody on the way holds a copy. */
  readonly #copied = new WeakSet<Ticket>();
  #believedLeader: Machine | undefined;

  constructor(parts: ClientParts) {
    super(parts);
    const { name, dice } = parts;
    this.#session = new ClientSession(() => `${name}-${dice.below(2 ** 32).toString(36)}`);
  }

  protected override async tryToCommit(
    operations: readonly Operation[],
    evaluateOnly: boolean,
    untilMs: number,
  ): Promise<CommitResult | StorageErrorCode> {
    const { world, dice } = this.parts;
    const isRepeatable = this.parts.hasSession && !evaluateOnly;
    let ticket: Ticket | undefined;
    let isAmbiguous = false;
    try {
      for (;;) {
        try {
          if (!isRepeatable)
            return await this.#askLeader(({ backend }) => backend.commit(operations, { evaluateOnly }));
          ticket ??= await this.#session.ticket((id) =>
            this.#askLeader(({ backend }) => backend.openSession(id)),
          );
          return await this.#submit(ticket, operations);
        } catch (error) {
          const isUnknown = isUnknownOutcome(error);
          isAmbiguous ||= isUnknown && (ticket !== undefined || !isRepeatable);
          // A copy on its way may be executed after every try was turned away.
          isAmbiguous ||= ticket !== undefined && this.#copied.has(ticket);
          const mayRepeat = isRepeatable || !isUnknown;
          if (!mayRepeat || error instanceof SessionLost || world.nowMs > untilMs)
            return isAmbiguous ? "outcome-unknown" : "unavailable";
        }
        await world.sleep(PAUSE_MS * dice.between(0.5, 3));
      }
    } finally {
      if (ticket !== undefined) this.#session.done(ticket);
      if (dice.chance(SESSION_END_RATE)) this.#session.forget();
    }
  }

  async #submit(ticket: Ticket, operations: readonly Operation[]): Promise<CommitResult | StorageErrorCode> {
    const request = this.#session.request(ticket);
    if (this.parts.dice.chance(REPEAT_RATE)) {
      this.#copied.add(ticket);
      this.#repeatLater(request, operations);
    }
    const answer = await this.#askLeader(({ backend }) => backend.submit(request, operations));
    if (answer.outcome === "unknown") {
      if (answer.reason === "session-unknown") this.#session.forget();
      throw new SessionLost("outcome-unknown", answer.reason);
    }
    // What stood in the way is forgotten: nothing was applied, and more is not known.
    if (answer.outcome === "refused" && answer.isRemembered) return "unavailable";
    return toCommitResult(answer, operations);
  }

  /** Somebody on the way holds a copy of the request and sends it again, however late: it must do nothing twice. */
  #repeatLater(request: SessionRequest, operations: readonly Operation[]): void {
    const { world, dice, calls, name, cluster } = this.parts;
    world.in(dice.around(REPEAT_MS), () => {
      const target = cluster.leader ?? this.anyMachine();
      calls
        .call(name, target, CALL_MS, ({ backend }) => backend.submit(request, operations))
        .catch((error: unknown) => {
          if (!(error instanceof NoAnswer) && !StorageError.is(error))
            cluster.safety.report(`a repeated request fails: ${String(error)}`);
        });
    });
  }

  /** Sends a commit in a session that was never opened: it must not be executed. */
  async commitInUnknownSession(operations: readonly Operation[]): Promise<void> {
    const { history, name, cluster } = this.parts;
    const session = { id: `${name}-nobody`, openedAt: 2 };
    const recorded: RecordedCommit = {
      kind: "commit",
      client: name,
      startedAt: history.moment(),
      operations,
      evaluateOnly: false,
      failure: "unavailable",
    };
    history.recorded.push(recorded);
    try {
      const answer = await this.#askLeader(({ backend }) =>
        backend.submit({ session, sequence: 1, lowestUnanswered: 1 }, operations),
      );
      if (answer.outcome !== "unknown")
        cluster.safety.report(
          `a commit of a session that was never opened is answered with ${answer.outcome}`,
        );
    } catch (error) {
      isUnknownOutcome(error);
    }
    recorded.endedAt = history.moment();
  }

  /** Only what has a minimum, or is strong, goes on from what this client saw of others; the rest goes on from what that process showed it. */
  protected override reader({ consistency, minimum }: ReadOptions, shownBy: string): string {
    const { name } = this.parts;
    return consistency === "strong" || minimum !== undefined ? name : `${name} at ${shownBy}`;
  }

  protected override async look<T>(
    machine: Machine | undefined,
    look: (backend: Backend, signal: AbortSignal) => Promise<T>,
  ): Promise<Shown<T> | undefined> {
    const target = machine ?? this.anyMachine();
    try {
      return await this.parts.calls.call(this.parts.name, target, CALL_MS, async ({ backend }, process) => ({
        result: await within(process, CALL_MS, (signal) => look(backend, signal)),
        shownBy: process.name,
      }));
    } catch (error) {
      if (error instanceof NoAnswer || StorageError.is(error)) return undefined;
      throw error;
    }
  }

  /** Any machine that is a member, or may be. */
  anyMachine(): Machine {
    return this.parts.dice.pick(this.parts.cluster.machines);
  }

  /** Has the believed leader do something, and learns from a refusal whom to believe. */
  async #askLeader<T>(ask: (replica: Replica) => Promise<T>): Promise<T> {
    const { calls, name, cluster, dice } = this.parts;
    const target = this.#believedLeader ?? this.anyMachine();
    try {
      const answer = await calls.call(name, target, dice.pick(TRY_MS), ask);
      this.#believedLeader = target;
      return answer;
    } catch (error) {
      const { leader } = ((error as Error).cause ?? {}) as { leader?: number };
      this.#believedLeader = leader === undefined ? undefined : cluster.machineOf(leader);
      throw error;
    }
  }
}

/** The session does not tell what became of a commit. */
class SessionLost extends StorageError {}
