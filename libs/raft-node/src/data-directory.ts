import { join } from "node:path";

import { openNodeDisk } from "@trellis/wal";

import type { DataDirectory } from "./ports.ts";

/** A data directory on this machine's disk, made when it is missing: `node.json`, and the folders `wal` and `snapshots`. */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const identity = await openNodeDisk(path);
  return {
    description: path,
    identity,
    wal: await openNodeDisk(join(path, "wal")),
    snapshots: await openNodeDisk(join(path, "snapshots")),
  };
}
