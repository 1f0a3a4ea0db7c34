import { type Entry } from "../entry.ts";
import type { HardState } from "../hard-state.ts";
import { MemoryStorage } from "../log/memory-storage.ts";
import type { Message } from "../message.ts";
import type { RaftOptions } from "../options.ts";
import { createRaftCore, type RaftCore } from "../raft-core.ts";
import type { Snapshot } from "../snapshot.ts";
import { decodeConfChange } from "../confchange/encoding.ts";
import { ScriptError } from "./script-error.ts";

/** A storage whose snapshot is always the newest state of the application. */
class HistoryStorage extends MemoryStorage {
  readonly #history: readonly Snapshot[];

  constructor(history: readonly Snapshot[]) {
    super();
    this.#history = history;
  }

  override snapshot(): Snapshot | undefined {
    return this.#history.at(-1);
  }
}

/** What a node of a script is made with: options of the core, and the state it starts from. */
export interface ScriptNodeOptions extends Omit<RaftOptions, "storage"> {
  readonly initial: Snapshot;
  /** False for a node without any state. */
  readonly bootstrap: boolean;
}

/**
 * A node of a script: the core with a storage in memory and an application whose state is everything applied to it, one
 * after the other.
 */
export class ScriptNode {
  readonly options: RaftOptions;
  readonly core: RaftCore;
  readonly storage: MemoryStorage;
  /** The application's state after each applied entry. */
  readonly history: Snapshot[];
  /** Messages for the append thread and the apply thread, in order. */
  readonly appendWork: Message[] = [];
  readonly applyWork: Message[] = [];

  constructor({ initial, bootstrap, ...options }: ScriptNodeOptions) {
    this.history = [initial];
    this.storage = new HistoryStorage(this.history);
    if (bootstrap) this.storage.applySnapshot(initial);
    this.options = { ...options, storage: this.storage };
    this.core = createRaftCore(this.options);
  }

  get snapshot(): Snapshot {
    const newest = this.history.at(-1);
    if (newest === undefined) throw new ScriptError("a node without a state");
    return newest;
  }

  /** Stores what a Ready or a message to the append thread carries. */
  store(work: {
    readonly hardState: HardState | undefined;
    readonly entries: readonly Entry[];
    readonly snapshot: Snapshot | undefined;
  }): void {
    const { hardState, entries, snapshot } = work;
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (snapshot === undefined) {
      this.storage.append(entries);
    } else {
      if (entries.length > 0) throw new ScriptError("can't apply snapshot and entries at the same time");
      this.storage.applySnapshot(snapshot);
    }
  }

  /** Applies committed entries. */
  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { data, metadata } = this.snapshot;
      const change = decodeConfChange(entry);
      const confState =
        change === undefined ? metadata.confState : this.core.applyConfChange(change, entry.index);
      const update = change === undefined ? entry.data : change.context;
      this.history.push({
        data: Uint8Array.from([...data, ...update]),
        metadata: { confState, index: entry.index, term: entry.term },
      });
    }
  }
}
