import type {
  Backend,
  CommitResult,
  Key,
  ListOptions,
  ListResult,
  Operation,
  OwnerQuery,
  ReadOptions,
  ReadResult,
  StorageErrorCode,
  StoredRecord,
  TypeQuery,
  Version,
} from "@trellis/storage";

import type { History, RecordedCommit, RecordedList, RecordedRead } from "../../history/history.ts";
import type { Dice } from "../world/dice.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";
import type { Calls } from "./calls.ts";

/** What a client works with. */
export interface RecordingClientParts {
  readonly name: string;
  readonly world: World;
  readonly calls: Calls;
  readonly history: History;
  readonly dice: Dice;
  readonly trace: Trace;
}

/** How long a client tries, at most. */
const PATIENCE_MS = 8_000;

/** What somebody shows, and which process showed it. */
export interface Shown<T> {
  readonly result: T;
  readonly shownBy: string;
}

/** A client that writes down what it does and sees. Whom it asks, and how often, is for others to say. */
export abstract class RecordingClient<
  Parts extends RecordingClientParts = RecordingClientParts,
  Target = never,
> {
  readonly parts: Parts;
  /** The newest version it has seen; its reads show nothing older. */
  newest = 0 as Version;
  /** Commits of which nobody knows what became of them. */
  ambiguous = 0;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** Commits, again until that moment where it may: the result, or what is known without one. */
  protected abstract tryToCommit(
    operations: readonly Operation[],
    evaluateOnly: boolean,
    untilMs: number,
  ): Promise<CommitResult | StorageErrorCode>;

  /** Looks at the store, at a target or at any; undefined when nobody answered. */
  protected abstract look<T>(
    target: Target | undefined,
    look: (backend: Backend, signal: AbortSignal) => Promise<T>,
  ): Promise<Shown<T> | undefined>;

  /** Reads what a backend has. */
  protected readFrom(backend: Backend, key: Key, options: ReadOptions): Promise<ReadResult> {
    return backend.read(key, options);
  }

  /** In whose name something is seen: what one name sees never goes back. */
  protected abstract reader(options: ReadOptions, shownBy: string): string;

  /** Commits, and answers what became of it: undefined when that is not known, or when nothing was done. */
  async commit(operations: readonly Operation[], evaluateOnly = false): Promise<CommitResult | undefined> {
    const { history, name, world, trace } = this.parts;
    const recorded: RecordedCommit = {
      kind: "commit",
      client: name,
      startedAt: history.moment(),
      operations,
      evaluateOnly,
    };
    history.recorded.push(recorded);
    const outcome = await this.tryToCommit(operations, evaluateOnly, world.nowMs + PATIENCE_MS);
    recorded.endedAt = history.moment();
    if (typeof outcome === "string") {
      recorded.failure = outcome;
      if (outcome === "outcome-unknown" && !evaluateOnly) this.ambiguous++;
      if (trace.isOn) trace.note(name, `commits ${operations.length}: ${outcome}`);
      return undefined;
    }
    recorded.result = outcome;
    if (outcome.version > this.newest) this.newest = outcome.version;
    if (trace.isOn)
      trace.note(name, `commits ${operations.length}: ${outcome.outcome} at ${outcome.version}`);
    return outcome;
  }

  /** Reads; undefined when nobody answered. */
  async read(key: Key, options: ReadOptions, target?: Target): Promise<StoredRecord | undefined> {
    const { history, name } = this.parts;
    const recorded: RecordedRead = {
      kind: "read",
      client: name,
      startedAt: history.moment(),
      key,
      options,
    };
    history.recorded.push(recorded);
    const found = await this.look(target, (backend, signal) =>
      this.readFrom(backend, key, { ...options, signal }),
    );
    if (found === undefined) return undefined;
    const { result, shownBy } = found;
    const client = this.reader(options, shownBy);
    Object.assign(recorded, { result, client, endedAt: history.moment() });
    this.#saw(options, result.position.version);
    return result.record;
  }

  /** Lists; undefined when nobody answered. */
  async list(
    query: TypeQuery | OwnerQuery,
    options: ListOptions,
    target?: Target,
  ): Promise<ListResult | undefined> {
    const { history, name } = this.parts;
    const recorded: RecordedList = {
      kind: "list",
      client: name,
      startedAt: history.moment(),
      query,
      options,
    };
    history.recorded.push(recorded);
    const found = await this.look(target, (backend, signal) => backend.list(query, { ...options, signal }));
    if (found === undefined) return undefined;
    const { result, shownBy } = found;
    const client = this.reader(options, shownBy);
    Object.assign(recorded, { result, client, endedAt: history.moment() });
    if (options.atVersion === undefined) this.#saw(options, result.position.version);
    return result;
  }

  #saw({ consistency, minimum }: ReadOptions, version: Version): void {
    if ((consistency === "strong" || minimum !== undefined) && version > this.newest) this.newest = version;
  }
}
