import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";

import type { SnapshotSummary } from "@trellis/storage-raft";

import type { Environment } from "../environment.ts";
import { CliError } from "../errors.ts";
import { createProgress } from "../output/progress.ts";
import { BAR_BYTES, bytesText } from "./bytes-text.ts";
import { diskFailure, isDiskFailure, isStorageFailure } from "./known-failure.ts";

/** A snapshot file that is whole. */
export interface VerifiedFile extends SnapshotSummary {
  /** As it was given. */
  readonly file: string;
  readonly bytes: number;
  readonly fault?: undefined;
}

/** A file that is no whole snapshot. */
export interface FaultyFile {
  readonly fault: CliError;
}

/** Reads a snapshot file to its end and checks all of it. Throws a CliError for a file that cannot be read. */
export async function verifyFile(environment: Environment, file: string): Promise<VerifiedFile | FaultyFile> {
  const path = resolve(environment.cwd, file);
  const found = await stat(path).catch((error: unknown): never => {
    throw diskFailure(file, error, HINT);
  });
  // Of a pipe nobody knows whether it ends; and a restore reads twice.
  if (!found.isFile()) {
    const what = found.isDirectory() ? "a directory" : "no plain file";
    throw new CliError(`${file} is ${what}, and a snapshot is a file`, { hint: HINT });
  }
  const { size: total } = found;
  const progress = createProgress(environment, {
    title: "Checking",
    total,
    least: BAR_BYTES,
    show: bytesText,
  });
  const { verifySnapshot } = await import("@trellis/storage-raft");
  let bytes = 0;
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of filePieces(path, environment.signal)) {
      bytes += piece.length;
      progress.step(piece.length);
      yield piece;
    }
  };
  try {
    return { file, ...(await verifySnapshot(pieces(), file)), bytes };
  } catch (error) {
    if (isDiskFailure(error)) throw diskFailure(file, error);
    if (!isStorageFailure(error)) throw error;
    return {
      fault: new CliError(error.message.startsWith(file) ? error.message : `${file}: ${error.message}`),
    };
  } finally {
    progress.end();
  }
}

/** The bytes of a file, in pieces. */
export function filePieces(path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return createReadStream(path, { signal, highWaterMark: PIECE_BYTES });
}

/** What to do about a file that is none. */
const HINT = "Name a file that `trellis snapshot save` has written.";
/** Bytes of one read. */
const PIECE_BYTES = 256 * 1024;
