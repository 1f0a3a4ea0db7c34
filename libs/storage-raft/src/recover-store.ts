import {
  type DataDirectory,
  type Random,
  type RaftNodeConfig,
  RaftNodeError,
  replayDirectory,
  type ReplayedDirectory,
  restoreCluster,
} from "@trellis/raft-node";
import type { Clock } from "@trellis/resource";

import { STORAGE_KIND } from "./command.ts";
import type { RestoredStore } from "./restore-store.ts";
import { storeIdOf, withNewStore } from "./snapshot/first-content.ts";
import { FEATURE_LEVEL } from "./start-replica.ts";
import { StorageMachine } from "./storage-machine.ts";

/** What a recovery works with. */
export interface RecoverDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly nextTurn: (callback: () => void) => void;
  readonly data: DataDirectory;
}

/** What a directory holds that is to be recovered. */
export interface RecoverableStore extends ReplayedDirectory {
  readonly storeId: string;
}

/** How a directory is recovered. */
export interface RecoverOptions {
  /** What the one member is called from now on, and where it is; what the directory says of it when left out. */
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  /** Asked when it is known what is there, and before anything is changed. */
  readonly confirm: (found: RecoverableStore) => Promise<boolean>;
  /** What differs from the log's usual bounds. */
  readonly wal?: RaftNodeConfig["wal"];
}

/**
 * Makes a new cluster of one out of a member's directory, when a majority of its cluster is gone for good: with all that its snapshot and its log hold, to the
 * log's end. What other members had acknowledged and this one had not heard of is lost. As after a restore, cluster, node and store have new ids, and
 * numbering jumps by 2^32 and more: former members and clients of the former store are refused. Answers undefined when it was not confirmed: then nothing is changed.
 * Rejects with the log's `locked` for a directory that is in use, `not-formed`, `damaged`, `unsupported`.
 */
export async function recoverStore(
  { clock, random, nextTurn, data }: RecoverDeps,
  { confirm, wal, ...self }: RecoverOptions,
): Promise<(RestoredStore & { readonly former: RecoverableStore }) | undefined> {
  const lock = await data.identity.lock();
  try {
    const machine = new StorageMachine({
      clock,
      nextTurn: () => new Promise((resolve) => nextTurn(resolve)),
    });
    const nodeClock = {
      monotonic: () => clock.monotonic(),
      after: (delayMs: number, callback: () => void) => clock.after(delayMs, callback),
      nextTurn,
    };
    const found = await replayDirectory({ clock: nodeClock, random, data, machines: [machine] }, { wal });
    if (found.featureLevel > FEATURE_LEVEL) {
      throw new RaftNodeError(
        "unsupported",
        `${data.description} is of a cluster at feature level ${found.featureLevel}, this version supports ${FEATURE_LEVEL}; use the version that wrote it`,
      );
    }
    const former = { ...found, storeId: machine.position.storeId };
    if (!(await confirm(former))) return undefined;
    const member = found.members.find(({ id }) => id === found.nodeId);
    const { index, term, featureLevel } = found;
    const { header } = await restoreCluster(
      data,
      { name: self.name ?? member?.name ?? "recovered", address: self.address ?? member?.address ?? "" },
      {
        index,
        term,
        featureLevel,
        async *chunks({ clusterId }) {
          const content = withNewStore(machine.capture().chunks(), storeIdOf(clusterId));
          for await (const bytes of content) yield { kind: STORAGE_KIND, bytes };
        },
      },
      random,
    );
    const { clusterId } = header;
    return { clusterId, storeId: storeIdOf(clusterId), version: header.index, former };
  } finally {
    await lock.release();
  }
}
