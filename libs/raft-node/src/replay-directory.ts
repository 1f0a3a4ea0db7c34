import { asV2, decodeConfChange, type Entry, type LogIndex, type NodeId, type Term } from "@trellis/raft";
import type { WalLimits } from "@trellis/wal";

import { fromWalEntry, NODE_KIND } from "./entry-codec.ts";
import { RaftNodeError } from "./errors.ts";
import { type LoadDeps, type LoadedNode, loadNode } from "./load-node.ts";
import { Machines } from "./machines.ts";
import { membersIn, MembershipTable } from "./membership-table.ts";
import type { Member } from "./member.ts";
import { LOG_MEMORY_BYTES } from "./options.ts";
import type { StateMachine } from "./state-machine.ts";

/** What a directory is read with. */
export interface ReplayDeps extends LoadDeps {
  /** Empty; what the directory holds is put into them. */
  readonly machines: readonly StateMachine[];
}

/** What a directory was found to hold. */
export interface ReplayedDirectory {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** Of the cluster, as this node's log has it to its end. */
  readonly members: readonly Member[];
  readonly voters: number;
  readonly featureLevel: number;
  /** The last entry, and the latest term. */
  readonly index: LogIndex;
  readonly term: Term;
  /** The last entry that this node knew to be committed; those behind it may have been committed or not. */
  readonly committed: LogIndex;
}

/** Entries applied between two turns of the event loop. */
const SLICE_ENTRIES = 1_000;

/**
 * Reads all that a directory holds into state machines, without taking part in its cluster: the newest snapshot, and the log behind it to its very end, also
 * what is not known to be committed. It may have been, and then it was acknowledged. For forced recoveries, while no node runs on it. Rejects as
 * `createRaftNode` does, and with `not-formed` for a member that has nothing yet.
 */
export async function replayDirectory(
  deps: ReplayDeps,
  { wal: walLimits }: { readonly wal?: Partial<WalLimits> | undefined } = {},
): Promise<ReplayedDirectory> {
  const machines = new Machines(deps.machines);
  const loaded = await loadNode(deps, {
    walLimits,
    onWalState: () => undefined,
    onSnapshotWanted: () => undefined,
    logMemoryBytes: LOG_MEMORY_BYTES,
  });
  try {
    const { snapshot, snapshots } = loaded;
    if (snapshot === undefined) {
      throw new RaftNodeError(
        "not-formed",
        `${deps.data.description} holds nothing yet: its node has joined a cluster and heard of nobody; recover another member's directory`,
      );
    }
    (await machines.restore(snapshots.chunks(snapshot), snapshot.index)).install();
    const replay = new Replay(machines, {
      table: new MembershipTable(snapshot.header),
      index: snapshot.index,
      nextTurn: (callback) => deps.clock.nextTurn(callback),
    });
    await replay.run(loaded);
    const { hardState } = loaded;
    return {
      nodeId: loaded.id,
      clusterId: loaded.clusterId,
      ...replay.found,
      term: Math.max(hardState.term, replay.found.term, snapshot.term),
      committed: Math.max(hardState.commit, snapshot.index),
    };
  } finally {
    await loaded.wal.close();
  }
}

interface ReplayStart {
  readonly table: MembershipTable;
  readonly index: LogIndex;
  readonly nextTurn: (callback: () => void) => void;
}

class Replay {
  readonly #nextTurn: ReplayStart["nextTurn"];
  readonly #machines: Machines;
  readonly #table: MembershipTable;
  readonly #added = new Map<NodeId, Member>();
  #index: LogIndex;
  #term: Term = 0;

  constructor(machines: Machines, { table, index, nextTurn }: ReplayStart) {
    this.#nextTurn = nextTurn;
    this.#machines = machines;
    this.#table = table;
    this.#index = index;
  }

  get found() {
    const { members, confState, featureLevel } = this.#table;
    const all = new Map([...this.#added, ...members.map((member) => [member.id, member] as const)]);
    return {
      members: [...all.values()],
      voters: confState.voters.length,
      featureLevel,
      index: this.#index,
      term: this.#term,
    };
  }

  async run({ wal }: LoadedNode): Promise<void> {
    const last = wal.lastIndex;
    while (this.#index < last) {
      const from = this.#index + 1;
      const entries = await wal.read({ from, before: Math.min(from + SLICE_ENTRIES, last + 1) });
      for (const entry of entries) this.#apply(fromWalEntry(entry));
      this.#machines.reached(this.#index);
      await new Promise<void>((resolve) => this.#nextTurn(resolve));
    }
  }

  #apply(entry: Entry): void {
    const { type, data, index, term } = entry;
    if (type !== "EntryNormal") this.#note(entry);
    else if (data[0] === NODE_KIND) this.#table.apply(data.subarray(1));
    else if (data.length > 0) this.#machines.apply(data, index);
    this.#index = index;
    this.#term = term;
  }

  /** Who is a member makes no difference to a recovery, but for what it tells of them. */
  #note(entry: Entry): void {
    const change = decodeConfChange(entry);
    if (change === undefined) return;
    for (const member of membersIn(asV2(change).context)) this.#added.set(member.id, member);
  }
}
