import { readdir } from "node:fs/promises";
import { resolve } from "node:path";

import type { RestoredStore } from "@trellis/storage-raft";

import type { Environment } from "../environment.ts";
import { CliError } from "../errors.ts";
import { diskFailure, isDiskFailure, isStorageFailure } from "./known-failure.ts";
import { filePieces, verifyFile } from "./verify-file.ts";

/** What `trellis snapshot restore` is told. */
export interface RestoreRequest {
  readonly file: string;
  readonly directory: string;
  /** Whether the store that is there is given up. */
  readonly replace: boolean;
}

/** What was restored, and where. */
export interface RestoredFile extends RestoredStore {
  readonly file: string;
  readonly directory: string;
  /** The directory from the root on: a server may be started elsewhere. */
  readonly path: string;
  readonly records: number;
}

/** What a data directory holds, and nothing else. */
const DATA_FILES: ReadonlySet<string> = new Set([
  "node.json",
  "node.json.unfinished",
  "LOCK",
  // Of the lock, while it is held, and after a process that was killed.
  "LOCK-journal",
  "wal",
  "snapshots",
]);
/** How a store is called that is for ever alone. */
const ALONE = { name: "standalone", address: "" };

/** Restores a snapshot file into a data directory. The file is read twice: nothing is touched before it was found whole. Throws a CliError. */
export async function restoreFile(environment: Environment, request: RestoreRequest): Promise<RestoredFile> {
  const { file, directory, replace } = request;
  const path = resolve(environment.cwd, directory);
  await refuseForeign(path, directory);
  const verified = await verifyFile(environment, file);
  if (verified.fault !== undefined) throw verified.fault;
  const { openDataDirectory, restoreStore } = await import("@trellis/storage-raft");
  try {
    const data = { ...(await openDataDirectory(path)), description: directory };
    const pieces = filePieces(resolve(environment.cwd, file), environment.signal);
    const restored = await restoreStore(
      { data, random: Math.random },
      { pieces, source: file },
      { ...ALONE, replace },
    );
    return { ...restored, file, directory, path, records: verified.records };
  } catch (error) {
    if (isDiskFailure(error)) throw diskFailure(directory, error);
    throw isStorageFailure(error) ? refusal(error, directory) : error;
  }
}

/** A directory with other things in it was hardly meant. */
async function refuseForeign(path: string, directory: string): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    const code = (error as { code?: unknown }).code;
    if (code === "ENOENT") return [];
    throw code === "ENOTDIR"
      ? new CliError(`${directory} is a file, or below one`, { hint: "Name a directory." })
      : diskFailure(directory, error);
  });
  const foreign = names.find((name) => !DATA_FILES.has(name));
  if (foreign === undefined) return;
  throw new CliError(`${directory} is no data directory: it holds ${foreign}`, {
    hint: "Name an empty directory, one that is not there yet, or a server's.",
  });
}

function refusal(
  { code, message }: { readonly code: string; readonly message: string },
  directory: string,
): CliError {
  if (code === "locked") {
    return new CliError(`${directory} is in use by a server`, {
      hint: "Stop that server first, or name another directory.",
    });
  }
  if (code === "invalid") {
    return new CliError(`${directory} holds a store already`, {
      hint: "Name an empty directory, or give that store up with --replace.",
    });
  }
  return new CliError(message);
}
