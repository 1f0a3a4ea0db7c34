import { DatabaseSync } from "node:sqlite";

import type { DiskLock } from "./disk.ts";
import { WalError } from "./errors.ts";

/** SQLite's own code for "another holds the lock", in the low byte of its codes. */
const SQLITE_BUSY = 5;

/**
 * Locks a file for one opener, in this process or another. Node cannot ask the system for a lock on a file; the SQLite inside it can, and its lock is the
 * system's: it ends with the process, however that ends, and no process number has to be trusted. The file stays empty. Throws `locked`, and `io`.
 */
export function lockFile(path: string): DiskLock {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    const { errcode, message } = error as { readonly errcode?: number; readonly message: string };
    if (errcode === undefined) throw error;
    if ((errcode & 0xff) !== SQLITE_BUSY) {
      throw new WalError(
        "io",
        `${path} cannot be locked (${message}). This user needs the right to write it and its directory; the file itself holds nothing, and may be ` +
          `deleted while no server runs`,
        { cause: error },
      );
    }
    throw new WalError(
      "locked",
      `the log is open already, in this or another process that holds ${path}; stop that one first, or give this one another directory`,
      { cause: error },
    );
  }
  const locked = database;
  return {
    release: async () => {
      if (locked.isOpen) locked.close();
    },
  };
}
