import type { DataDirectory } from "@trellis/raft-node";
import { type Disk, type DiskFile, type DiskLock, WalError } from "@trellis/wal";

import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { DiskCall, Inode, SimulatedVolume } from "./simulated-volume.ts";

/** The directories of a replica, as one process uses them; what they hold is on the machine's volume. */
export function dataDirectory(volume: SimulatedVolume, process: SimulatedProcess): DataDirectory {
  return {
    description: `the data of ${process.name}`,
    identity: new ProcessDisk(volume, process, "identity"),
    wal: new ProcessDisk(volume, process, "wal"),
    snapshots: new ProcessDisk(volume, process, "snapshots"),
  };
}

/** One directory in the hands of one process: its calls take time, and end with the process. */
class ProcessDisk implements Disk {
  readonly description: string;
  readonly #volume: SimulatedVolume;
  readonly #process: SimulatedProcess;
  readonly #folder: string;
  #isLocked = false;

  constructor(volume: SimulatedVolume, process: SimulatedProcess, folder: string) {
    this.description = `${process.name}/${folder}`;
    this.#volume = volume;
    this.#process = process;
    this.#folder = folder;
  }

  async list(): Promise<readonly string[]> {
    return await this.#call("names", 0, () => this.#volume.names(this.#folder));
  }

  async open(name: string, mode: "create" | "write" | "read"): Promise<DiskFile> {
    return await this.#call("names", 0, () => {
      const inode =
        mode === "create" ? this.#volume.create(this.#folder, name) : this.#volume.find(this.#folder, name);
      return this.#handle(inode);
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call("names", 0, () => this.#volume.rename(this.#folder, from, to));
  }

  async unlink(name: string): Promise<void> {
    await this.#call("names", 0, () => this.#volume.unlink(this.#folder, name));
  }

  async syncDirectory(): Promise<void> {
    await this.#call("syncDirectory", 0, () => this.#volume.syncNames(this.#folder));
  }

  async lock(): Promise<DiskLock> {
    if (this.#isLocked) {
      throw new WalError("locked", `${this.description} is locked by the same process; release it first`);
    }
    this.#isLocked = true;
    return {
      release: async () => {
        this.#isLocked = false;
      },
    };
  }

  #handle(inode: Inode): DiskFile {
    return {
      read: (target, position) =>
        this.#call("read", target.length, () => inode.cached.read(target, position)),
      write: (bytes, position) => this.#write(inode, Buffer.from(bytes), position),
      sync: () => this.#sync(inode),
      size: async () => inode.cached.bytes,
      truncate: (bytes) => this.#call("write", 0, () => this.#volume.truncate(inode, bytes)),
      close: async () => undefined,
    };
  }

  /** The bytes are in the system's memory at once, and on disk whenever it likes. */
  async #write(inode: Inode, bytes: Buffer, position: number): Promise<number> {
    const count = this.#volume.write(this.#folder, inode, position, bytes);
    return await this.#call("write", count, () => count);
  }

  async #sync(inode: Inode): Promise<void> {
    await this.#call("sync", 0, () => this.#volume.sync(inode)).catch((error: unknown) => {
      this.#volume.failSync(inode);
      throw error;
    });
  }

  /** Never answered when the process is killed first. */
  #call<T>(call: DiskCall, bytes: number, effect: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#process.input(this.#volume.latencyMs(call, bytes), () => {
        try {
          this.#volume.checkHealth(call);
          resolve(effect());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }
}
