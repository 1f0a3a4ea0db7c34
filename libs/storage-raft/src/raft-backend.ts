import type { Applied, ProposeOptions, RaftNode } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";
import {
  type Backend,
  type CallOptions,
  checkOperations,
  type CommitOptions,
  type CommitResult,
  type Key,
  type ListOptions,
  type ListResult,
  type Operation,
  type OwnerQuery,
  type Position,
  type ReadOptions,
  type ReadResult,
  REPLICATED,
  StorageError,
  type TypeQuery,
  type Watch,
  type WithoutWaiting,
  type WatchOptions,
  type Session,
  type SessionRequest,
  type RefusedCommit,
  toCommitResult,
  type SessionedCommits,
  type Submitted,
  type SubmitOptions,
} from "@trellis/storage";

import type { Command } from "./command.ts";
import { encodeCommand } from "./command-codec.ts";
import { type ProposedCommit, proposedCommit, takenCommit } from "./own-commit.ts";
import { startSessionExpiry } from "./session-expiry.ts";
import { MAX_SESSION_ID_LENGTH, requestFault } from "./sessions.ts";
import { ofNode, toStorageError } from "./storage-errors.ts";
import type { CommandAnswer, StorageMachine } from "./storage-machine.ts";

/** What storage needs of a node. */
export type StorageNode = Pick<RaftNode, "propose" | "confirmRead" | "isCurrent" | "status">;

/** What a replicated backend works with. */
export interface RaftBackendDeps {
  readonly node: StorageNode;
  /** The one that the node drives. */
  readonly machine: StorageMachine;
  readonly clock: Clock;
}

/**
 * A replica as a backend. Eventual reads, lists and watches show what this replica has applied; strong ones wait until the leader has confirmed that
 * it shows everything. Commits are for the leader: others reject with `unavailable`, and the cause says who leads. Commits of checks
 * alone, and `evaluateOnly`, are answered on any replica from state that was confirmed, without an entry of the log.
 */
export class RaftBackend implements Backend, SessionedCommits {
  readonly capabilities = REPLICATED;
  readonly #node: StorageNode;
  readonly #machine: StorageMachine;
  readonly #endExpiry: () => void;

  constructor(deps: RaftBackendDeps) {
    this.#node = deps.node;
    this.#machine = deps.machine;
    this.#endExpiry = startSessionExpiry(deps);
  }

  position(): Position {
    return this.#machine.position;
  }

  async read(key: Key, options: ReadOptions = {}): Promise<ReadResult> {
    await this.#ready(options);
    return await this.#machine.served.read(key, options);
  }

  readNow(key: Key, options: WithoutWaiting = {}): ReadResult | undefined {
    this.#checkServing();
    if (options.consistency === "strong" && !this.#node.isCurrent()) return undefined;
    return this.#machine.served.readNow(key, options);
  }

  async list(query: TypeQuery | OwnerQuery, options: ListOptions = {}): Promise<ListResult> {
    await this.#ready(options);
    return await this.#machine.served.list(query, options);
  }

  watch(query: TypeQuery, options?: WatchOptions): Watch {
    this.#checkServing();
    return this.#machine.served.watch(query, options);
  }

  /** No async function: a commit has the one promise that it needs, and no frame to be kept for it. */
  commit(operations: readonly Operation[], options: CommitOptions = {}): Promise<CommitResult> {
    try {
      this.#checkServing();
      checkOperations(operations);
      if (options.evaluateOnly === true || operations.every(isCheck))
        return this.#evaluateOnly(operations, options);
      const commit = { kind: "commit", request: undefined, operations } as const;
      return this.#proposeCommit(proposedCommit(commit), options).then(
        (applied) => resultOf(answerOf(applied), operations),
        failed,
      );
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  async openSession(id: string, options: CallOptions = {}): Promise<Session> {
    this.#checkServing();
    if (id.length === 0 || id.length > MAX_SESSION_ID_LENGTH) {
      throw new StorageError(
        "invalid",
        `expected a session id of 1 to ${MAX_SESSION_ID_LENGTH} characters, found ${id.length}; draw one at random`,
      );
    }
    const answer = await this.#propose({ kind: "open-session", id }, options);
    if (answer.outcome !== "opened") throw unexpected(answer);
    return answer.session;
  }

  async submit(
    request: SessionRequest,
    operations: readonly Operation[],
    options: SubmitOptions = {},
  ): Promise<Submitted> {
    this.#checkServing();
    checkOperations(operations);
    const fault = requestFault(request);
    if (fault !== undefined) throw new StorageError("resource-exhausted", fault);
    const commit = { kind: "commit", request, operations } as const;
    const { encoded } = options;
    const proposed = encoded === undefined ? proposedCommit(commit) : takenCommit(commit, encoded);
    const answer = await this.#proposeCommit(proposed, options).then(answerOf, failed);
    switch (answer.outcome) {
      case "applied":
      case "unknown":
        return answer;
      case "refused":
        return answer.isRemembered ? await this.#recall(answer, operations) : answer;
      default:
        throw unexpected(answer);
    }
  }

  async keepAlive(session: Session, options: CallOptions = {}): Promise<boolean> {
    this.#checkServing();
    const answer = await this.#propose({ kind: "keep-alive", session }, options);
    if (answer.outcome !== "kept") throw unexpected(answer);
    return answer.isOpen;
  }

  /** Ends all watches and waits. The node, and what it applies, go on. */
  async close(): Promise<void> {
    this.#endExpiry();
    this.#machine.served.close();
  }

  #propose(
    command: Exclude<Command, { kind: "commit" }>,
    { signal }: Pick<ProposeOptions, "signal">,
  ): Promise<CommandAnswer> {
    return this.#node.propose(encodeCommand(command), { signal }).then(answerOf, failed);
  }

  /** The caller says whether a commit is still waited for, which the node looks at now and then. */
  #proposeCommit({ entry, own }: ProposedCommit, options: CallOptions): Promise<Applied> {
    return this.#node.propose(entry, { signal: options.caller ?? options.signal, command: own });
  }

  /** Adds what was stored at a refusal that is only remembered, while the history has it. */
  async #recall(refused: RefusedCommit, operations: readonly Operation[]): Promise<RefusedCommit> {
    const key = operations[refused.operationIndex]?.key;
    if (key === undefined) return refused;
    try {
      const { group, kind, partition, namespace, name } = key;
      const query = { group, kind, partition, namespace, name };
      const { records } = await this.#machine.served.list(query, { atVersion: refused.version, limit: 1 });
      return { ...refused, current: records[0], isRemembered: false };
    } catch (error) {
      if (StorageError.is(error)) return refused;
      throw error;
    }
  }

  async #evaluateOnly(operations: readonly Operation[], { signal }: CommitOptions): Promise<CommitResult> {
    await ofNode(this.#node.confirmRead({ signal }));
    return this.#machine.served.evaluateOnly(operations);
  }

  async #ready({ consistency, signal }: ReadOptions): Promise<void> {
    this.#checkServing();
    if (consistency === "strong") await ofNode(this.#node.confirmRead({ signal }));
  }

  #checkServing(): void {
    const { served, hasStore } = this.#machine;
    if (served.isClosed) throw new StorageError("unavailable", "the backend is closed; open it again");
    if (!hasStore) {
      throw new StorageError(
        "unavailable",
        "this replica waits for its first snapshot and has nothing to show; ask another",
      );
    }
  }
}

/** Makes a replica a backend, and begins to look after the sessions. */
export function createRaftBackend(deps: RaftBackendDeps): RaftBackend {
  return new RaftBackend(deps);
}

function isCheck({ kind }: Operation): boolean {
  return kind === "check";
}

function resultOf(answer: CommandAnswer, operations: readonly Operation[]): CommitResult {
  if (answer.outcome === "applied" || answer.outcome === "refused") return toCommitResult(answer, operations);
  throw unexpected(answer);
}

function unexpected(answer: CommandAnswer): Error {
  return new Error(`broken invariant of storage: a command was answered with ${answer.outcome}`);
}

function answerOf({ result }: Applied): CommandAnswer {
  const answer = result as CommandAnswer;
  if (answer.outcome === "invalid") throw new StorageError("invalid", answer.message);
  return answer;
}

function failed(error: unknown): never {
  throw toStorageError(error);
}
