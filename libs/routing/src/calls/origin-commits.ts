import { Linked, LinkedItems } from "@trellis/resource";
import {
  type AppliedCommit,
  CallEnding,
  type CallOptions,
  type CommitResult,
  type EndedBy,
  type Operation,
  type RefusedCommit,
  StorageError,
  type Submitted,
  toCommitResult,
} from "@trellis/storage";
import type { StorageLink } from "@trellis/storage/wire";

import { backoffMs } from "../backoff.ts";
import type { RoutingDeps } from "../deps.ts";
import { closed, notApplied, otherStore, outcomeUnknown, tooManyWaiting, tooMuchWaiting } from "../errors.ts";
import { type Patience, Patiences } from "../patience.ts";
import type { ClusterView } from "../servers/cluster-view.ts";
import { commitBytes } from "./commit-bytes.ts";
import type { LeaderCalls } from "./leader-calls.ts";
import { OriginSession } from "./origin-session.ts";
import type { SessionWindow } from "./session-window.ts";

/** Commits without an answer at once, those that wait for a place included; and their bytes. */
const MAX_REQUESTS = 8_192;
const MAX_BYTES = 64 * 1024 * 1024;

/** One commit on its way. */
class Request extends Linked {
  readonly operations: readonly Operation[];
  readonly bytes: number;
  readonly patience: Patience;
  /** The store that it was made for, whose versions its preconditions name; undefined where none was known. */
  readonly storeId: string | undefined;
  /** Its place in a session; undefined while it has none. */
  place: { readonly window: SessionWindow; readonly sequence: number } | undefined = undefined;
  /** The attempt that is under way. */
  attempt: { readonly link: StorageLink; readonly ending: CallEnding } | undefined = undefined;
  /** Whether an attempt may have been carried out without us hearing of it. */
  mayBeApplied = false;
  failures = 0;
  failure: StorageError | undefined = undefined;
  /** Who could not answer it just now, until a pause is over. */
  failedAt: StorageLink | undefined = undefined;
  isSettled = false;
  cancelRepeat: (() => void) | undefined = undefined;
  readonly answer = Promise.withResolvers<AppliedCommit | RefusedCommit>();
  /** Told when its patience ends. */
  readonly giveUp: () => void;

  constructor(
    operations: readonly Operation[],
    bytes: number,
    {
      patience,
      storeId,
      giveUp,
    }: {
      readonly patience: Patience;
      readonly storeId: string | undefined;
      readonly giveUp: (request: Request) => void;
    },
  ) {
    super();
    this.operations = operations;
    this.bytes = bytes;
    this.patience = patience;
    this.storeId = storeId;
    this.giveUp = () => giveUp(this);
    patience.addEventListener("abort", this.giveUp);
  }
}

/**
 * Commits that take effect once, whoever leads: each has a place in a session, and goes again under the same place when its answer is lost or another
 * leader is there. What was never sent is told from what was: `unavailable` and `outcome-unknown`.
 */
export class OriginCommits {
  readonly #deps: RoutingDeps;
  readonly #view: ClusterView;
  readonly #session: OriginSession;
  readonly #patiences: Patiences;
  readonly #stopListening: () => void;
  /** Wait for a place, from the first on. */
  #waiting: Request[] = [];
  /** Have a place and no answer. */
  readonly #placed = new LinkedItems<Request>();
  #bytes = 0;

  constructor(deps: RoutingDeps, view: ClusterView, leader: LeaderCalls) {
    this.#deps = deps;
    this.#view = view;
    this.#patiences = new Patiences(deps.clock);
    this.#session = new OriginSession(deps, leader, {
      onChange: () => this.#fill(),
      onRefused: (error) => this.#refuseWaiting(error),
    });
    this.#stopListening = view.onChange(() => this.#sendAgain());
  }

  /** Commits once. Throws or rejects with `unavailable` or `resource-exhausted` (not applied), `outcome-unknown`, and as the leader does. */
  commit(
    operations: readonly Operation[],
    wait: EndedBy<CallOptions>,
  ): Promise<AppliedCommit | RefusedCommit> {
    if (this.#view.isStopped) throw closed();
    const bytes = commitBytes(operations);
    this.#checkRoom(bytes);
    if ((wait.caller ?? wait.signal)?.aborted === true)
      throw notApplied("the commit", "nothing: its signal had ended it already");
    const patience = this.#patiences.begin(wait);
    const storeId = this.#view.store.id;
    const request = new Request(operations, bytes, { patience, storeId, giveUp: this.#giveUp });
    this.#bytes += bytes;
    this.#waiting.push(request);
    this.#fill();
    return request.answer.promise;
  }

  /** Ends all that is under way, and the session's signs of life. */
  close(): void {
    this.#stopListening();
    this.#session.close();
    for (const request of [...this.#waiting, ...this.#placed.all()]) {
      const isSent = request.mayBeApplied || request.attempt !== undefined;
      this.#fail(request, isSent ? outcomeUnknown("the commit", "the backend was closed") : closed());
      request.attempt?.ending.abort();
    }
    this.#waiting = [];
  }

  /** Whether one more commit fits within the bounds. */
  #checkRoom(bytes: number): void {
    const waitsFor = this.#view.leader === undefined ? this.#view.waitsFor("leader") : "answers";
    if (this.#waiting.length + this.#placed.size >= MAX_REQUESTS)
      throw tooManyWaiting(MAX_REQUESTS, waitsFor);
    if (this.#bytes + bytes > MAX_BYTES) throw tooMuchWaiting(MAX_BYTES, this.#bytes + bytes, waitsFor);
  }

  /** Gives places to those who wait, as long as there are any. */
  #fill(): void {
    while (this.#waiting.length > 0) {
      const window = this.#session.use();
      if (window?.hasRoom !== true) return;
      const request = this.#waiting.shift();
      if (request === undefined || request.isSettled) continue;
      request.place = { window, sequence: window.take() };
      this.#placed.add(request);
      this.#send(request);
    }
  }

  /** Sends what the present leader has not got: also what is under way to a former one, which is safe under the same place. */
  #sendAgain(): void {
    const link = this.#view.leader?.link;
    if (link === undefined) return;
    for (const request of this.#placed.all())
      if (request.isListed && request.attempt?.link !== link) this.#send(request);
  }

  #send(request: Request): void {
    const link = this.#view.leader?.link;
    const { place, attempt, storeId } = request;
    if (link === undefined || place === undefined || request.failedAt === link) return;
    const { id } = this.#view.store;
    // One that may have been carried out is answered by its session, which another store has not.
    const isUnsent = attempt === undefined && !request.mayBeApplied;
    if (isUnsent && storeId !== undefined && storeId !== id) {
      this.#fail(request, otherStore("the commit", storeId, id));
      return;
    }
    if (attempt !== undefined) {
      request.mayBeApplied = true;
      request.attempt = undefined;
      attempt.ending.abort();
    }
    request.cancelRepeat?.();
    const ending = new CallEnding();
    const current = { link, ending };
    request.attempt = current;
    link.submit(place.window.request(place.sequence), request.operations, { signal: ending }).then(
      (answer) => {
        if (request.attempt === current) this.#answered(request, answer);
      },
      (error: unknown) => {
        if (request.attempt === current) this.#failed(request, link, error);
      },
    );
  }

  #answered(request: Request, answer: Submitted): void {
    request.attempt = undefined;
    if (answer.outcome !== "unknown") {
      this.#settle(request);
      request.answer.resolve(answer);
      return;
    }
    const { place } = request;
    if (answer.reason === "session-unknown" && place !== undefined) {
      this.#session.lost(place.window);
      if (!request.mayBeApplied && !request.patience.aborted) {
        this.#placed.remove(request);
        request.place = undefined;
        this.#waiting.unshift(request);
        this.#fill();
        return;
      }
    }
    this.#fail(request, outcomeUnknown("the commit", "its session is gone, and with it the answer"));
  }

  #failed(request: Request, link: StorageLink, error: unknown): void {
    request.attempt = undefined;
    const failure = StorageError.is(error)
      ? error
      : new StorageError("unavailable", String(error), { cause: error });
    if (failure.code === "outcome-unknown") request.mayBeApplied = true;
    const isLost =
      failure.code === "outcome-unknown" || failure.code === "unavailable" || failure.code === "aborted";
    if (request.patience.aborted || this.#view.isStopped) {
      request.failure = failure;
      this.#giveUp(request);
    } else if (isLost || request.mayBeApplied) this.#repeat(request, link, failure);
    else this.#fail(request, failure);
  }

  /** Tries again: at once at another leader, after a pause at the same one. */
  #repeat(request: Request, link: StorageLink, failure: StorageError): void {
    request.failure = failure;
    request.failedAt = link;
    request.cancelRepeat = this.#deps.clock.after(backoffMs(request.failures++, this.#deps.random), () => {
      request.failedAt = undefined;
      this.#send(request);
    });
    this.#send(request);
  }

  /** Its time is over: it frees its place and is never sent again. */
  readonly #giveUp = (request: Request): void => {
    if (request.isSettled) return;
    const { attempt, failure } = request;
    if (attempt !== undefined) {
      // The link says whether it was sent.
      attempt.ending.abort();
      return;
    }
    if (request.mayBeApplied) {
      this.#fail(request, outcomeUnknown("the commit", "no leader answered in time", failure));
      return;
    }
    const view = this.#view;
    const waitedFor =
      view.leader === undefined
        ? view.waitsFor("leader")
        : "the leader, with others that were sent before it";
    this.#fail(request, notApplied("the commit", waitedFor, failure));
  };

  #fail(request: Request, error: StorageError): void {
    if (request.isSettled) return;
    this.#settle(request);
    request.answer.reject(error);
  }

  #settle(request: Request): void {
    const { place } = request;
    request.isSettled = true;
    request.cancelRepeat?.();
    request.patience.removeEventListener("abort", request.giveUp);
    this.#patiences.end(request.patience);
    this.#bytes -= request.bytes;
    this.#placed.remove(request);
    if (place === undefined) {
      const at = this.#waiting.indexOf(request);
      if (at >= 0) this.#waiting.splice(at, 1);
      return;
    }
    place.window.done(place.sequence);
    this.#fill();
  }

  /** No session can be had: those who wait for one are told why. */
  #refuseWaiting(error: StorageError): void {
    for (const request of this.#waiting.slice()) this.#fail(request, error);
  }
}

/** The result of a commit; a refusal that only was remembered gets what is stored now. */
export async function resultOf(
  answer: AppliedCommit | RefusedCommit,
  operations: readonly Operation[],
  reread: (operation: Operation) => Promise<Pick<RefusedCommit, "current" | "version">>,
): Promise<CommitResult> {
  if (answer.outcome === "applied" || !answer.isRemembered) return toCommitResult(answer, operations);
  const operation = operations[answer.operationIndex];
  if (operation === undefined) return toCommitResult(answer, operations);
  return toCommitResult({ ...answer, ...(await reread(operation)), isRemembered: false }, operations);
}
