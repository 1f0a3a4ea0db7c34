import { CliError } from "../errors.ts";

/** A failure of the storage's libraries: one of a closed set, whose message says what was found and what to do. */
export interface StorageFailure {
  readonly code: string;
  readonly message: string;
}

/** Recognises the failures of snapshots, data directories and their locks, by their names: the libraries are loaded only when they are needed. */
export function isStorageFailure(error: unknown): error is StorageFailure {
  const { name, code } = (error ?? {}) as { readonly name?: unknown; readonly code?: unknown };
  return (name === "RaftNodeError" || name === "WalError") && typeof code === "string";
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  EEXIST: "is no data directory: a part of it is a file",
  EISDIR: "is a directory, and a snapshot is a file",
  EACCES: "may not be used",
  EPERM: "may not be used",
  EROFS: "is on a disk that is only read",
  ELOOP: "is a link to itself",
  ENOTDIR: "is below a file",
  ENAMETOOLONG: "has too long a name",
  ENOSPC: "has no room: the disk is full",
  EDQUOT: "has no room: the quota is used up",
};

/** A failure of this machine's disk in words, about a file or directory as it was given. */
export function diskFailure(shown: string, error: unknown, hint?: string): CliError {
  const code = String((error as { readonly code?: unknown } | null)?.code ?? error);
  return new CliError(`${shown} ${REASONS[code] ?? `cannot be used (${code})`}`, { hint });
}

/** Whether an error came from the disk. */
export function isDiskFailure(error: unknown): boolean {
  return typeof (error as { readonly syscall?: unknown } | null)?.syscall === "string";
}
