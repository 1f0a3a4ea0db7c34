import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { LogSummary } from "@trellis/wal";

import { CliError } from "../errors.ts";

/** Where a node keeps its log, below its data directory. */
const LOG_FOLDER = "wal";
const SEGMENT = /^\d{16}\.wal$/;

/** Reads the log in a directory, without its lock and without changing anything. Throws a CliError for what is no log. */
export async function inspectDirectory(cwd: string, directory: string): Promise<LogSummary> {
  const path = resolve(cwd, directory);
  await checkDirectory(path, directory);
  // Only this command needs the log's code; every other one starts without it.
  const { inspectWal, openNodeDisk, WalError } = await import("@trellis/wal");
  try {
    const summary = await inspectWal(await openNodeDisk(path));
    if (summary.segments.length === 0 && summary.damage === undefined) throw await noLog(path, directory);
    return summary;
  } catch (error) {
    if (CliError.is(error)) throw error;
    if (WalError.is(error)) throw new CliError(error.message);
    throw unreadable(directory, error);
  }
}

async function checkDirectory(path: string, shown: string): Promise<void> {
  let isDirectory: boolean;
  try {
    isDirectory = (await stat(path)).isDirectory();
  } catch (error) {
    throw unreadable(shown, error);
  }
  if (isDirectory) return;
  throw new CliError(`${shown} is a file, and a log is a directory`, {
    hint: SEGMENT.test(shown.split(/[/\\]/).at(-1) ?? "")
      ? "It is one segment of a log: name the directory that it is in."
      : "Name the directory with the segments, the files NNNNNNNNNNNNNNNN.wal.",
  });
}

/** A directory without a segment; perhaps the one above the log was named. */
async function noLog(path: string, shown: string): Promise<CliError> {
  const below = await readdir(join(path, LOG_FOLDER)).catch(() => []);
  return new CliError(`${shown} holds no log`, {
    hint: below.some((name) => SEGMENT.test(name))
      ? `Its log is in ${join(shown, LOG_FOLDER)}.`
      : "A log is a directory with segments, the files NNNNNNNNNNNNNNNN.wal.",
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  ENOTDIR: "is not there",
  EACCES: "may not be read",
  EPERM: "may not be read",
  ELOOP: "is a link to itself",
};

function unreadable(shown: string, error: unknown): CliError {
  const code = String((error as { code?: unknown }).code);
  return new CliError(`${shown} ${REASONS[code] ?? `cannot be read (${code})`}`, {
    hint: "Name the directory of a log: that of a node is the folder wal in its data directory.",
  });
}
