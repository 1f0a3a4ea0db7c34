import type { PreparedState, StateCapture, StateMachine } from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";
import {
  type CommitResult,
  type Operation,
  type Position,
  StorageError,
  toVersion,
  type Session,
} from "@trellis/storage";
import {
  createServedStore,
  createStore,
  type ServedStore,
  type Store,
  type StoreLimits,
} from "@trellis/storage-memory";

import { type Command, type SilentSession, STORAGE_KIND } from "./command.ts";
import { decodeCommand } from "./command-codec.ts";
import type { CommitAnswer } from "./commit-answer.ts";
import { OwnCommit } from "./own-commit.ts";
import { requestFault, Sessions } from "./sessions.ts";
import { readContent } from "./snapshot/read-content.ts";
import type { NextTurn } from "./snapshot/slices.ts";
import { writeContent } from "./snapshot/write-content.ts";
import { type ExpectedMark, hashOf, type StateHash, StateMarks } from "./state-marks.ts";

/** What a storage machine works with. None of it has a say in what entries do. */
export interface StorageMachineDeps {
  /** Bounds how long the past is kept. */
  readonly clock: Clock;
  /** Resolves in the next turn of the event loop: work in slices lets others go first. */
  readonly nextTurn: NextTurn;
  /** What of a store's bounds differs from the defaults. */
  readonly limits?: Partial<StoreLimits> | undefined;
}

/** What an entry of the storage machine is answered with. */
export type CommandAnswer =
  | CommitAnswer
  /** To an opening: the session. */
  | { readonly outcome: "opened"; readonly session: Session }
  /** To a sign of life: whether the session is open. */
  | { readonly outcome: "kept"; readonly isOpen: boolean }
  /** To an end of sessions: how many it ended. */
  | { readonly outcome: "closed"; readonly sessions: number };

/** Bytes that a record takes in a snapshot besides those of the resource, about. */
const RECORD_OVERHEAD_BYTES = 192;

/**
 * Storage as a state machine on a replicated log: a versioned store, and the sessions that make commits exactly-once. The version of a commit is
 * the index of its entry. Before its first snapshot, with which every replica begins, it has no store and serves nobody.
 */
export class StorageMachine implements StateMachine {
  readonly kind = STORAGE_KIND;
  /** Reads, lists and watches. To be closed before the machine is given up; entries are applied also behind a closed one. */
  readonly served: ServedStore;
  readonly #deps: StorageMachineDeps;
  #store: Store;
  #sessions = new Sessions();
  readonly #marks = new StateMarks();
  #hasStore = false;

  constructor(deps: StorageMachineDeps) {
    this.#deps = deps;
    this.#store = createStore({ storeId: "", version: toVersion(0) }, deps.limits);
    this.served = createServedStore({ store: this.#store, clock: deps.clock });
  }

  /** False until the first snapshot: there is nothing to be read then. */
  get hasStore(): boolean {
    return this.#hasStore;
  }

  /** The store's id and the last entry that was applied. */
  get position(): Position {
    return this.#store.position;
  }

  /** The sessions, to be looked at: they change by entries of the log only. */
  get sessions(): Pick<Sessions, "size" | "capture"> {
    return this.#sessions;
  }

  /** The sessions that no entry after `index` used, at most `limit`, from the longest unused one on. */
  silentSince(index: number, limit: number): readonly SilentSession[] {
    return this.#sessions.silentSince(index, limit);
  }

  /** Applies a command: the bytes', or what was read of them already, by whoever made them (see `proposeCommit`). */
  apply(bytes: Uint8Array, index: number, own?: unknown): CommandAnswer {
    this.#checkStore();
    const command = own instanceof OwnCommit && own.isOf(bytes) ? own : decodeCommand(bytes);
    switch (command.kind) {
      case "commit":
        return this.#commit(command, index);
      case "open-session":
        return { outcome: "opened", session: this.#sessions.open(command.id, index) };
      case "keep-alive": {
        const isOpen = this.#sessions.use(command.session, index);
        this.#marks.reached(command.session.id, index, () => this.capture());
        return { outcome: "kept", isOpen };
      }
      case "close-sessions":
        return { outcome: "closed", sessions: this.#sessions.close(command.sessions) };
    }
  }

  reached(index: number): void {
    if (this.#hasStore) this.#target().advance(toVersion(index));
  }

  get approximateBytes(): number {
    const { bytes, size } = this.#store;
    return bytes + size * RECORD_OVERHEAD_BYTES + this.#sessions.approximateBytes;
  }

  capture(): StateCapture {
    this.#checkStore();
    const store = this.#store;
    const sessions = this.#sessions.capture();
    const content = { storeId: store.storeId, sessions, tree: store.copy() };
    const { nextTurn } = this.#deps;
    return { chunks: () => writeContent(content, nextTurn) };
  }

  async restore(chunks: AsyncIterable<Uint8Array>, index: number): Promise<PreparedState> {
    const { limits, nextTurn } = this.#deps;
    const { store, sessions } = await readContent(chunks, { index, limits, nextTurn });
    return {
      install: () => {
        this.#store = store;
        this.#sessions = sessions;
        this.#hasStore = true;
        if (!this.served.isClosed) this.served.replace(store);
      },
    };
  }

  /** The hash of the state as it is now, made in slices. */
  async hashState(): Promise<StateHash> {
    return await hashOf(this.position.version, this.capture());
  }

  /**
   * Looks out for the sign of life of a session that is named as the mark, and nothing else is: the hash of the state right behind it is the same on all
   * replicas. Throws `busy` (RaftNodeError) when too many are looked out for.
   */
  expectMark(mark: string): ExpectedMark {
    return this.#marks.expect(mark);
  }

  #commit({ request, operations }: Extract<Command, { kind: "commit" }>, index: number): CommitAnswer {
    if (request === undefined) return this.#evaluate(operations, index);
    const fault = requestFault(request);
    if (fault !== undefined) return { outcome: "invalid", message: fault };
    const recalled = this.#sessions.recall(request, index);
    if (recalled !== undefined) return recalled;
    const answer = this.#evaluate(operations, index);
    if (answer.outcome === "applied" || answer.outcome === "refused")
      this.#sessions.remember(request, answer);
    return answer;
  }

  #evaluate(operations: readonly Operation[], index: number): CommitAnswer {
    const version = toVersion(index);
    let result: CommitResult;
    try {
      result = this.#target().apply(operations, version);
    } catch (error) {
      // The same everywhere: it is about the operations alone.
      if (StorageError.is(error) && error.code === "invalid")
        return { outcome: "invalid", message: error.message };
      throw error;
    }
    // Not the version that the store says for a commit that changed nothing: that depends on how many entries were applied together.
    if (result.outcome === "applied") return { outcome: "applied", version };
    const { operationIndex, precondition, current } = result;
    const preconditionIndex = operations[operationIndex]?.preconditions.indexOf(precondition) ?? -1;
    return { outcome: "refused", version, operationIndex, preconditionIndex, current, isRemembered: false };
  }

  /** The face that readers look at; once that is closed, the store behind it. */
  #target(): Pick<Store, "apply" | "advance"> {
    return this.served.isClosed ? this.#store : this.served;
  }

  #checkStore(): void {
    if (!this.#hasStore)
      throw new Error(
        "broken invariant of storage: a replica begins with a snapshot, found none before its first entry",
      );
  }
}
