import * as fs from "node:fs";
import { dirname, join } from "node:path";

import type { Disk, DiskFile } from "./disk.ts";
import { LOCK_FILE } from "./file-names.ts";
import { lockFile } from "./lock-file.ts";

/**
 * Writes up to this many bytes go to the system in the caller's turn: that copies them into the page cache, which takes microseconds, and saves
 * a wait for the thread pool. Larger ones go through the pool.
 */
const DIRECT_WRITE_BYTES = 256 * 1024;

/**
 * The real disk: a directory, which is made when it is missing.
 *
 * A batch waits for the thread pool once, for its fdatasync: the write before it is direct. The log's own background work (zeros for the next
 * segment, renames, reads) asks for one thing at a time, in pieces of a mebibyte, and so takes one of the pool's threads at most, briefly. What
 * remains is the rest of the process: when all of the pool's threads (four, unless `UV_THREADPOOL_SIZE` says otherwise) do something long, such as
 * hashing passwords, compressing, or looking names up, a sync waits for one of them. A process with such work gives the pool more threads.
 */
export async function openNodeDisk(directory: string): Promise<Disk> {
  await makeDirectory(directory);
  const at = (name: string): string => join(directory, name);
  return {
    description: directory,
    list: async () => await call<string[]>((done) => fs.readdir(directory, done)),
    open: async (name, mode) => {
      const flags = { create: "w+", write: "r+", read: "r" }[mode];
      return new NodeFile(await call<number>((done) => fs.open(at(name), flags, done)));
    },
    rename: async (from, to) => await run((done) => fs.rename(at(from), at(to), done)),
    unlink: async (name) => await run((done) => fs.unlink(at(name), done)),
    syncDirectory: async () => await syncDirectory(directory),
    freeBytes: async () => {
      const { bavail, bsize } = await call<fs.StatsFs>((done) => fs.statfs(directory, done));
      return bavail * bsize;
    },
    lock: async () => lockFile(at(LOCK_FILE)),
  };
}

class NodeFile implements DiskFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    return await call<number>((done) => fs.read(this.#descriptor, target, 0, target.length, position, done));
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    if (bytes.length <= DIRECT_WRITE_BYTES) {
      return fs.writeSync(this.#descriptor, bytes, 0, bytes.length, position);
    }
    return await call<number>((done) => fs.write(this.#descriptor, bytes, 0, bytes.length, position, done));
  }

  async sync(): Promise<void> {
    await run((done) => fs.fdatasync(this.#descriptor, done));
  }

  async size(): Promise<number> {
    return (await call<fs.Stats>((done) => fs.fstat(this.#descriptor, done))).size;
  }

  async truncate(bytes: number): Promise<void> {
    await run((done) => fs.ftruncate(this.#descriptor, bytes, done));
  }

  async close(): Promise<void> {
    await run((done) => fs.close(this.#descriptor, done));
  }
}

/**
 * Makes a directory and those above it, durably. One by one: Node's own way of making them all does not end where a file system says that what is above is missing although it is
 * there, as `/proc` does.
 */
async function makeDirectory(directory: string): Promise<void> {
  const above = dirname(directory);
  const missing = await missingAbove(directory);
  if (missing === undefined) return;
  if (above === directory) throw missing;
  await makeDirectory(above);
  const stillMissing = await missingAbove(directory);
  if (stillMissing !== undefined) throw stillMissing;
}

/** Makes a directory, durably, unless it is there. Returns the error where what is above it is missing; throws others. */
async function missingAbove(directory: string): Promise<Error | undefined> {
  try {
    await run((done) => fs.mkdir(directory, done));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return error as Error;
    // What is there may be no directory, or a link to what is none.
    if (!(await isDirectory(directory))) throw error;
    return undefined;
  }
  await syncDirectory(dirname(directory));
  return undefined;
}

/** Throws where nothing is there. */
async function isDirectory(path: string): Promise<boolean> {
  return (await call<fs.Stats>((done) => fs.stat(path, done))).isDirectory();
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows has no such thing: its file system orders names by itself.
  if (process.platform === "win32") return;
  const descriptor = await call<number>((done) => fs.open(directory, "r", done));
  try {
    await run((done) => fs.fsync(descriptor, done));
  } finally {
    await run((done) => fs.close(descriptor, done));
  }
}

type Done<T> = (error: NodeJS.ErrnoException | null, value?: T) => void;

/** A callback as a promise: less work for each sync than a file handle's. */
async function call<T>(start: (done: Done<T>) => void): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    start((error, value) => (error === null ? resolve(value as T) : reject(error)));
  });
}

async function run(start: (done: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    start((error) => (error === null ? resolve() : reject(error)));
  });
}
