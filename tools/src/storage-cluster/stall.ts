import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { eventually } from "@trellis/testkit";

import type { StorageNode } from "./storage-node.ts";

/** How long until a stall has begun, on a busy machine. */
const BEGIN_MS = 30_000;

/** A way to have a node stand still. */
export interface Stall {
  /** Why a leader says that it steps down. */
  readonly reason: "loop-stalled" | "disk-stalled";
  /** Resolves when it stands. */
  begin(node: StorageNode): Promise<void>;
  end(node: StorageNode): Promise<void>;
}

/** A turn of the event loop that does not end. */
export function busyLoop(directory: string): Stall {
  const fileOf = (node: StorageNode): string => join(directory, `${node.name}.busy`);
  return {
    reason: "loop-stalled",
    async begin(node) {
      node.call("stallLoop", fileOf(node)).catch(() => undefined);
      await eventually(() => {
        if (!existsSync(fileOf(node))) throw new Error(`${node.name} is not busy`);
      }, BEGIN_MS);
    },
    async end(node) {
      rmSync(fileOf(node));
    },
  };
}

/** A process that the system does not run. */
export const stoppedProcess: Stall = {
  reason: "loop-stalled",
  async begin(node) {
    node.signal("SIGSTOP");
    await eventually(() => {
      if (!isStopped(node.pid)) throw new Error(`${node.name} is not stopped`);
    }, BEGIN_MS);
  },
  async end(node) {
    node.signal("SIGCONT");
  },
};

/** A disk whose syncs do not end. */
export const heldDisk: Stall = {
  reason: "disk-stalled",
  async begin(node) {
    await node.call("holdDisk", undefined);
  },
  async end(node) {
    await node.call("releaseDisk", undefined);
  },
};

/** True for a process that a signal stopped, and where nobody can tell. */
function isStopped(pid: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return true;
  }
  // After the command's closing parenthesis: the state (proc(5)).
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}
