import type { DataDirectory } from "@trellis/raft-node";
import type { Disk, DiskFile } from "@trellis/wal";

/** Lets syncs pass, or has them wait: a disk that stalls. */
export class DiskHold {
  #released: Promise<void> = Promise.resolve();
  #release: (() => void) | undefined;

  hold(): void {
    if (this.#release !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#released = promise;
    this.#release = resolve;
  }

  release(): void {
    this.#release?.();
    this.#release = undefined;
  }

  /** Resolves when nothing is held. */
  async passed(): Promise<void> {
    await this.#released;
  }
}

/** A data directory whose syncs a hold decides on. */
export function holdable(data: DataDirectory, hold: DiskHold): DataDirectory {
  return {
    description: data.description,
    identity: data.identity,
    wal: holdableDisk(data.wal, hold),
    snapshots: holdableDisk(data.snapshots, hold),
  };
}

function holdableDisk(disk: Disk, hold: DiskHold): Disk {
  return {
    description: disk.description,
    list: () => disk.list(),
    open: async (name, mode) => holdableFile(await disk.open(name, mode), hold),
    rename: (from, to) => disk.rename(from, to),
    unlink: (name) => disk.unlink(name),
    async syncDirectory() {
      await hold.passed();
      await disk.syncDirectory();
    },
    ...(disk.freeBytes !== undefined && {
      freeBytes: async () => (await disk.freeBytes?.()) ?? Number.POSITIVE_INFINITY,
    }),
    lock: () => disk.lock(),
  };
}

function holdableFile(file: DiskFile, hold: DiskHold): DiskFile {
  return {
    read: (target, position) => file.read(target, position),
    write: (bytes, position) => file.write(bytes, position),
    async sync() {
      await hold.passed();
      await file.sync();
    },
    size: () => file.size(),
    truncate: (bytes) => file.truncate(bytes),
    close: () => file.close(),
  };
}
