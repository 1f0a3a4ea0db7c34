import type { WalLimits } from "@trellis/wal";

import type { NodeEvent } from "./events.ts";
import { checkFeatureLevel } from "./feature-level.ts";
import { emptyHeader, loadNode } from "./load-node.ts";
import { Machines } from "./machines.ts";
import { NodeLoop } from "./node-loop.ts";
import { type RaftNodeOptions, resolveOptions } from "./options.ts";
import type { PeerNetwork } from "./peers.ts";
import type { DataDirectory, NodeClock, Random } from "./ports.ts";
import type { RaftNode } from "./raft-node.ts";
import { Replica } from "./replica.ts";
import type { StateMachine } from "./state-machine.ts";

/** What a node works with. */
export interface RaftNodeDeps {
  readonly clock: NodeClock;
  readonly random: Random;
  /** Of a member of a cluster: formed, joined, or restored into. */
  readonly data: DataDirectory;
  readonly network: PeerNetwork;
  /** Those that share the log, empty; what the snapshot and the log hold is put into them. */
  readonly machines: readonly StateMachine[];
  /** Told what happens, as it happens. */
  readonly onEvent?: ((event: NodeEvent) => void) | undefined;
}

/** How a node takes part. */
export interface RaftNodeConfig extends RaftNodeOptions {
  readonly wal?: Partial<WalLimits> | undefined;
}

/**
 * Starts a replica on what its directory holds: checks it all, restores the newest snapshot, and takes part. Rejects with `not-formed`,
 * `damaged`, `unsupported`, `invalid`, and as the log does (`WalError`: `locked`, `damaged`, `unsupported-format`, `io`).
 */
export async function createRaftNode(deps: RaftNodeDeps, config: RaftNodeConfig = {}): Promise<RaftNode> {
  const { wal: walLimits, ...given } = config;
  const options = resolveOptions(given, walLimits);
  const machines = new Machines(deps.machines);
  // The log may change its state, and the core ask for a snapshot, before there is a node to be told.
  let node: NodeLoop | undefined;
  const loaded = await loadNode(deps, {
    walLimits,
    onWalState: () => node?.spaceChanged(),
    onSnapshotWanted: () => node?.snapshotWanted(),
    logMemoryBytes: options.logMemoryBytes,
  });
  try {
    const { snapshot, snapshots, clusterId } = loaded;
    const header = snapshot?.header ?? emptyHeader(clusterId);
    checkFeatureLevel({ cluster: header.featureLevel, supported: options.featureLevel });
    if (snapshot !== undefined)
      (await machines.restore(snapshots.chunks(snapshot), snapshot.index)).install();
    const parts = { ...deps, onEvent: deps.onEvent ?? (() => undefined), machines };
    node = new NodeLoop(parts, options, loaded, header);
    node.start();
    return new Replica(node, parts, options);
  } catch (error) {
    await loaded.wal.close();
    throw error;
  }
}
