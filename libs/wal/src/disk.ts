/**
 * All that the log asks of a disk: one directory without subdirectories. Everything that can block is asynchronous; errors carry the
 * system's `code` (`ENOSPC`, `EIO`, …).
 */
export interface Disk {
  /** How messages name the directory. */
  readonly description: string;
  /** The names of the files, in no order. */
  list(): Promise<readonly string[]>;
  /** Opens a file. `create` makes an empty one and empties what is there; the others expect it to exist. */
  open(name: string, mode: "create" | "write" | "read"): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(name: string): Promise<void>;
  /** Makes created, renamed and removed names durable. */
  syncDirectory(): Promise<void>;
  /** Bytes that this process could still write to new files, as far as the system knows. A disk that cannot tell leaves it out. */
  freeBytes?(): Promise<number>;
  /**
   * Takes the exclusive lock on the directory, which ends with the process at the latest. Rejects with `WalError` `locked` while another
   * opener, in this or another process, holds it.
   */
  lock(): Promise<DiskLock>;
}

/** An open file. One call at a time writes or syncs; reads may run beside them. */
export interface DiskFile {
  /** Reads up to `target.length` bytes. Answers how many; fewer only at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes bytes. Answers how many were written: as with any disk, possibly fewer. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Makes all that was written durable, with the size of the file: fdatasync. */
  sync(): Promise<void>;
  size(): Promise<number>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** The lock on a directory. */
export interface DiskLock {
  release(): Promise<void>;
}

/** Time, as the log needs it: to retry reserving, and to tell how long a write has been waiting. */
export interface WalClock {
  /** Milliseconds that only ever grow. */
  monotonic(): number;
  /** Calls back once after a delay; the answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back in the next turn of the event loop, after what has come in was taken in. Without it batches wait for nobody. */
  nextTurn?(callback: () => void): void;
}

/** Writes all the bytes, in as many writes as the disk needs. */
export async function writeFully(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const rest = written === 0 ? bytes : bytes.subarray(written);
    const count = await file.write(rest, position + written);
    if (count < 1) {
      throw Object.assign(new Error(`a write of ${rest.length} bytes wrote nothing`), { code: "EIO" });
    }
    written += count;
  }
}

/** Reads up to `bytes` bytes, into a new buffer unless there is a spare one that they fit into; shorter only where the file ends. */
export async function readFully(
  file: DiskFile,
  position: number,
  bytes: number,
  spare?: Buffer,
): Promise<Buffer> {
  const target =
    spare !== undefined && spare.length >= bytes ? spare.subarray(0, bytes) : Buffer.allocUnsafe(bytes);
  let read = 0;
  while (read < bytes) {
    const count = await file.read(target.subarray(read), position + read);
    if (count === 0) break;
    read += count;
  }
  return target.subarray(0, read);
}
