import { type Disk, type DiskFile, type DiskLock, WalError } from "@trellis/wal";

import type { DataDirectory } from "../ports.ts";
import type { VirtualProcess } from "./virtual-time.ts";

interface StoredFile {
  bytes: Buffer;
  /** What the last sync made durable. */
  durable: Buffer;
}

interface Folder {
  names: Map<string, StoredFile>;
  durableNames: Map<string, StoredFile>;
  isLocked: boolean;
}

/** Something that changes a disk. */
export interface DiskChange {
  readonly folder: string;
  readonly kind: "create" | "write" | "sync" | "rename" | "unlink" | "syncDirectory" | "truncate";
  readonly name: string;
}

/** Whose turn on the disk takes how long; without, everything happens at once. */
export interface DiskUser {
  readonly process: VirtualProcess;
  readonly nowMs: () => number;
}

/**
 * A machine's disk in memory, which knows what was synced. Each change can be made to fail, and the power to go at each of them: then what was not synced
 * is gone, or there, as the test wants it.
 */
export class MemoryVolume {
  readonly changes: DiskChange[] = [];
  /** Asked before every change; what it throws is the disk's answer. */
  fault: ((change: DiskChange) => void) | undefined;
  /** Told of every read of a file, which waits for the answer; what that rejects with is the disk's answer. */
  onRead: ((read: { readonly folder: string; readonly name: string }) => Promise<void>) | undefined;
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Nothing is answered before this time. */
  stalledUntilMs = 0;
  readonly #folders = new Map<string, Folder>();

  /** A node's three directories, in the hands of one process. */
  data(user?: DiskUser): DataDirectory {
    return {
      description: "a volume in memory",
      identity: this.disk("identity", user),
      wal: this.disk("wal", user),
      snapshots: this.disk("snapshots", user),
    };
  }

  disk(name: string, user?: DiskUser): Disk {
    return new MemoryDisk(this, name, this.folder(name), user);
  }

  folder(name: string): Folder {
    const known = this.#folders.get(name);
    if (known !== undefined) return known;
    const folder: Folder = { names: new Map(), durableNames: new Map(), isLocked: false };
    this.#folders.set(name, folder);
    return folder;
  }

  /** The files of a directory as a process sees them. */
  files(folder: string): ReadonlyMap<string, Buffer> {
    return new Map([...this.folder(folder).names].map(([name, { bytes }]) => [name, bytes]));
  }

  /** Puts a file there, durably. */
  put(folder: string, name: string, bytes: Uint8Array): void {
    const file = { bytes: Buffer.from(bytes), durable: Buffer.from(bytes) };
    this.folder(folder).names.set(name, file);
    this.folder(folder).durableNames.set(name, file);
  }

  /** Takes all files of a directory away, durably. */
  clear(folder: string): void {
    this.folder(folder).names.clear();
    this.folder(folder).durableNames.clear();
  }

  get usedBytes(): number {
    let used = 0;
    for (const { names } of this.#folders.values())
      for (const { bytes } of names.values()) used += bytes.length;
    return used;
  }

  /** The process is gone; what it wrote is there. */
  processDied(): void {
    this.fault = undefined;
    this.onRead = undefined;
    for (const folder of this.#folders.values()) folder.isLocked = false;
  }

  /** The power goes: what was not synced is lost, or kept. */
  losePower(unsynced: "lost" | "kept"): void {
    this.processDied();
    for (const folder of this.#folders.values()) {
      const names = unsynced === "lost" ? folder.durableNames : folder.names;
      folder.names = new Map(
        [...names].map(([name, { bytes, durable }]) => {
          const there = Buffer.from(unsynced === "lost" ? durable : bytes);
          return [name, { bytes: there, durable: Buffer.from(there) }];
        }),
      );
      folder.durableNames = new Map(folder.names);
    }
  }

  /** The disk as it would be if the power went now. */
  afterPowerLoss(): MemoryVolume {
    const copy = new MemoryVolume();
    for (const [name, { durableNames }] of this.#folders)
      for (const [file, { durable }] of durableNames) copy.put(name, file, durable);
    return copy;
  }

  begin(change: DiskChange): void {
    this.fault?.(change);
    this.changes.push(change);
  }
}

class MemoryDisk implements Disk {
  readonly description: string;
  readonly #volume: MemoryVolume;
  readonly #name: string;
  readonly #folder: Folder;
  readonly #user: DiskUser | undefined;

  constructor(volume: MemoryVolume, name: string, folder: Folder, user: DiskUser | undefined) {
    this.description = `memory/${name}`;
    this.#volume = volume;
    this.#name = name;
    this.#folder = folder;
    this.#user = user;
  }

  async list(): Promise<readonly string[]> {
    return await this.#call(() => [...this.#folder.names.keys()]);
  }

  async open(name: string, mode: "create" | "write" | "read"): Promise<DiskFile> {
    if (mode !== "create") return await this.#call(() => this.#handle(name, this.#find(name)));
    return await this.#change("create", name, () => {
      const file = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
      this.#folder.names.set(name, file);
      return this.#handle(name, file);
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#change("rename", from, () => {
      const file = this.#find(from);
      this.#folder.names.delete(from);
      this.#folder.names.set(to, file);
    });
  }

  async unlink(name: string): Promise<void> {
    await this.#change("unlink", name, () => {
      this.#find(name);
      this.#folder.names.delete(name);
    });
  }

  async syncDirectory(): Promise<void> {
    await this.#change("syncDirectory", "", () => {
      this.#folder.durableNames = new Map(this.#folder.names);
    });
  }

  async lock(): Promise<DiskLock> {
    if (this.#folder.isLocked)
      throw new WalError("locked", `${this.description} is locked; release it first`);
    this.#folder.isLocked = true;
    return {
      release: async () => {
        this.#folder.isLocked = false;
      },
    };
  }

  #handle(name: string, file: StoredFile): DiskFile {
    return {
      read: async (target, position) => {
        await this.#volume.onRead?.({ folder: this.#name, name });
        return await this.#call(() => file.bytes.copy(target, 0, position));
      },
      write: (bytes, position) =>
        this.#change("write", name, () => this.#write(file, Buffer.from(bytes), position)),
      sync: () =>
        this.#change("sync", name, () => {
          file.durable = file.bytes;
        }),
      size: async () => file.bytes.length,
      truncate: (bytes) =>
        this.#change("truncate", name, () => {
          const next = Buffer.alloc(bytes);
          file.bytes.copy(next);
          file.bytes = next;
        }),
      close: async () => undefined,
    };
  }

  #write(file: StoredFile, bytes: Buffer, position: number): number {
    const room = this.#volume.capacityBytes - this.#volume.usedBytes + file.bytes.length - position;
    const count = Math.min(bytes.length, room);
    if (count <= 0) throw diskError("ENOSPC");
    const next = Buffer.alloc(Math.max(file.bytes.length, position + count));
    file.bytes.copy(next);
    bytes.copy(next, position, 0, count);
    file.bytes = next;
    return count;
  }

  #find(name: string): StoredFile {
    const file = this.#folder.names.get(name);
    if (file === undefined) throw diskError("ENOENT");
    return file;
  }

  async #change<T>(kind: DiskChange["kind"], name: string, effect: () => T): Promise<T> {
    return await this.#call(() => {
      this.#volume.begin({ folder: this.#name, kind, name });
      return effect();
    });
  }

  /** Never answered when the process is killed first. */
  async #call<T>(effect: () => T): Promise<T> {
    const user = this.#user;
    if (user === undefined) return effect();
    const waitMs = Math.max(0.1, this.#volume.stalledUntilMs - user.nowMs());
    await new Promise<void>((resolve) => user.process.input(waitMs, resolve));
    return effect();
  }
}

export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
