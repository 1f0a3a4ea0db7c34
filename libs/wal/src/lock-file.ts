import { DatabaseSync } from "node:sqlite";

import type { DiskLock } from "./disk.ts";
import { WalError } from "./errors.ts";

/** SQLite's own code for "another holds the lock", in the low byte of its codes. */
const SQLITE_BUSY = 5;

/**
 * Locks a file for one opener, in this process or another. Node cannot ask the system for a lock on a file; the SQLite inside it can, and its lock is the
 * system's: it ends with the process, however that ends, and no process number has to be trusted. The file stays empty.
 */
export function lockFile(path: string): DiskLock {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    const { errcode } = error as { errcode?: number };
    if (errcode === undefined || (errcode & 0xff) !== SQLITE_BUSY) throw error;
    throw new WalError(
      "locked",
      `the log is open already, in this or another process that holds ${path}; stop that one first, or give this one another directory`,
      { cause: error },
    );
  }
  return {
    release: async () => {
      if (database.isOpen) database.close();
    },
  };
}
