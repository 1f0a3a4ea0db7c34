import { join } from "node:path";

import { lockHolder } from "./lock-holder.ts";

/** A failure of the storage, or of the disk below it. */
export interface DirectoryFailure {
  readonly message: string;
  readonly code?: string;
  /** Of a failure of the disk: what it was about. */
  readonly path?: string;
  /** A file of the log, without its folder. */
  readonly file?: string;
  /** Of a failure of the log: that of the disk, if it was one. */
  readonly cause?: unknown;
}

const DISK_REASONS: Readonly<Record<string, string>> = {
  EEXIST: "is no directory; name one, or what is not there yet",
  ENOENT: "is a link to what is not there, or where nothing can be made; name another directory",
  ELOOP: "is a link to itself; name a directory, or what is not there yet",
  ENOTDIR: "is below a file; name a directory, or what is not there yet",
  EACCES: "may not be used by this user; give it the rights, or name another directory",
  EPERM: "may not be used by this user; give it the rights, or name another directory",
  EROFS: "is on a disk that is only read; name another directory",
  ENOSPC: "is on a disk that is full; make room, or name another directory",
};

/** Why the data directory of a node was not opened, in one line for whoever named it. */
export function directoryRefusal(directory: string, failure: DirectoryFailure): string {
  const { message, code = "", file } = failure;
  const ofDisk = diskRefusal(directory, failure) ?? diskRefusal(directory, failure.cause);
  if (ofDisk !== undefined) return ofDisk;
  if (code === "locked") {
    const holder = lockHolder(join(directory, "LOCK"));
    const who = holder === undefined ? "" : `, process ${holder}`;
    return `${directory} is in use by another server${who}; stop that one first, or give this one another directory`;
  }
  const found = file === undefined ? message : message.replace(file, join(directory, "wal", file));
  return `${directory} cannot be opened: ${found}`;
}

function diskRefusal(directory: string, failure: unknown): string | undefined {
  const { code = "", path = directory } = (failure ?? {}) as Partial<DirectoryFailure>;
  const reason = DISK_REASONS[code];
  if (reason === undefined) return undefined;
  if (path === directory || !path.startsWith(directory)) return `${directory} ${reason}`;
  // What is within it has its name from us: it is not to be named otherwise.
  const [what, cure = ""] = reason.split("; ");
  const rights = cure.startsWith("give") ? "give it the rights" : "put back what was there";
  return `${directory} cannot be used: ${path} ${what}; ${rights}, or name another directory`;
}
