import { type DataDirectory, readIdentity } from "@trellis/raft-node";

/** A segment of a log, or a snapshot that was finished. */
const STORED = /^(\d{16}\.wal|snapshot-[\d-]+)$/;

/**
 * Whether a directory holds what a node has stored, and not who that node was: `node.json` is the first file that is made, and a directory without it is
 * otherwise taken for an empty one. To begin with a new store there would delete the old one.
 */
export async function hasLostIdentity({ identity, wal, snapshots }: DataDirectory): Promise<boolean> {
  if ((await readIdentity(identity)) !== undefined) return false;
  const names = [...(await wal.list()), ...(await snapshots.list())];
  return names.some((name) => STORED.test(name));
}
