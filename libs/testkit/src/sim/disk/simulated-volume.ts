import type { Dice } from "../world/dice.ts";
import type { World } from "../world/world.ts";
import { type Change, type Content, EMPTY_CONTENT, PagedFile } from "./paged-file.ts";
import { afterPowerLoss } from "./power-loss.ts";

/** A file, by whatever names. */
export interface Inode {
  readonly cached: PagedFile;
  durable: Content;
  /** What was changed since the last sync. */
  changes: Change[];
  /** Set when changes were lost by a sync that failed: what is cached is not what later syncs make durable. */
  hasLost: boolean;
}

type NameChange =
  | { readonly kind: "create"; readonly name: string; readonly inode: Inode }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "unlink"; readonly name: string };

/** One directory of a volume: its names as a process sees them, and as the disk has them. */
class Folder {
  names = new Map<string, Inode>();
  durableNames = new Map<string, Inode>();
  changes: NameChange[] = [];
}

/** What is asked of a disk. */
export type DiskCall = "read" | "write" | "sync" | "syncDirectory" | "names";

/** What can be wrong with a disk, at a time. */
export interface DiskTrouble {
  /** Calls take so many times as long. */
  slowness: number;
  /** No call is answered before this virtual time. */
  stalledUntilMs: number;
  /** The next call of this kind fails, with `EIO`; undefined for none. */
  failNext: "write" | "sync" | undefined;
}

/**
 * The disk of one machine: what was synced survives the loss of power, what was not may be there, or not, or in part. It outlives the processes that
 * use it.
 */
export class SimulatedVolume {
  readonly trouble: DiskTrouble = { slowness: 1, stalledUntilMs: 0, failNext: undefined };
  /** Bytes that all files together may have. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Told when bytes were written that are not synced: a good moment for a power failure. */
  onUnsynced: ((folder: string) => void) | undefined;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #folders = new Map<string, Folder>();
  #usedBytes = 0;

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** How long a call takes from now on, in virtual milliseconds. */
  latencyMs(call: DiskCall, bytes: number): number {
    const { slowness, stalledUntilMs } = this.trouble;
    const base =
      call === "sync" || call === "syncDirectory" ? 0.3 + this.#dice.around(1) : 0.02 + bytes / 1e6;
    return Math.max(0, stalledUntilMs - this.#world.nowMs) + base * slowness;
  }

  /** Throws once when a failure was ordered. */
  checkHealth(call: DiskCall): void {
    if (this.trouble.failNext !== call) return;
    this.trouble.failNext = undefined;
    throw diskError("EIO", `simulated, on ${call}`);
  }

  folder(name: string): Folder {
    let folder = this.#folders.get(name);
    if (folder === undefined) {
      folder = new Folder();
      this.#folders.set(name, folder);
    }
    return folder;
  }

  names(folder: string): readonly string[] {
    return [...this.folder(folder).names.keys()];
  }

  find(folder: string, name: string): Inode {
    const inode = this.folder(folder).names.get(name);
    if (inode === undefined) throw diskError("ENOENT", `there is no ${folder}/${name}`);
    return inode;
  }

  create(folder: string, name: string): Inode {
    const { names, changes } = this.folder(folder);
    this.#release(names.get(name));
    const inode: Inode = {
      cached: new PagedFile(EMPTY_CONTENT),
      durable: EMPTY_CONTENT,
      changes: [],
      hasLost: false,
    };
    names.set(name, inode);
    changes.push({ kind: "create", name, inode });
    return inode;
  }

  rename(folder: string, from: string, to: string): void {
    const { names, changes } = this.folder(folder);
    const inode = this.find(folder, from);
    if (from !== to) this.#release(names.get(to));
    names.delete(from);
    names.set(to, inode);
    changes.push({ kind: "rename", from, to });
  }

  unlink(folder: string, name: string): void {
    const { names, changes } = this.folder(folder);
    this.#release(this.find(folder, name));
    names.delete(name);
    changes.push({ kind: "unlink", name });
  }

  /** Writes what there is room for. Answers how many bytes. Throws `ENOSPC` when there is none. */
  write(folder: string, inode: Inode, position: number, bytes: Buffer): number {
    const room = this.capacityBytes - this.#usedBytes + inode.cached.bytes - position;
    const count = Math.min(bytes.length, Math.floor(room));
    if (count <= 0) throw diskError("ENOSPC", `simulated, of ${this.capacityBytes} bytes none are left`);
    const change: Change = { kind: "write", position, bytes: bytes.subarray(0, count) };
    this.#change(inode, change);
    this.onUnsynced?.(folder);
    return count;
  }

  truncate(inode: Inode, bytes: number): void {
    this.#change(inode, { kind: "truncate", bytes });
  }

  /** What the changes so far add up to is durable. */
  sync(inode: Inode): void {
    if (inode.hasLost) {
      const file = new PagedFile(inode.durable);
      for (const change of inode.changes) file.apply(change);
      inode.durable = file.content();
    } else {
      inode.durable = inode.cached.content();
    }
    inode.changes = [];
  }

  /** The system takes the changes for written, and they are not: later syncs do not make up for it. */
  failSync(inode: Inode): void {
    inode.changes = [];
    inode.hasLost = true;
  }

  syncNames(folder: string): void {
    const { names } = this.folder(folder);
    this.folder(folder).durableNames = new Map(names);
    this.folder(folder).changes = [];
  }

  /** The power goes, and comes again. */
  losePower(): void {
    for (const folder of this.#folders.values()) {
      const survives = this.#dice.pick([0, 0.5, 0.5, 1]);
      const names = new Map(folder.durableNames);
      for (const change of folder.changes) if (this.#dice.chance(survives)) applyName(names, change);
      const survivors = new Map<Inode, Inode>();
      const after = (inode: Inode): Inode => {
        const known = survivors.get(inode) ?? this.#afterPowerLoss(inode);
        survivors.set(inode, known);
        return known;
      };
      folder.names = new Map([...names].map(([name, inode]) => [name, after(inode)]));
      folder.durableNames = new Map(folder.names);
      folder.changes = [];
    }
    this.#usedBytes = 0;
    for (const { names } of this.#folders.values())
      for (const { cached } of names.values()) this.#usedBytes += cached.bytes;
    this.trouble.failNext = undefined;
  }

  #afterPowerLoss({ durable, changes }: Inode): Inode {
    const content = afterPowerLoss(durable, changes, this.#dice);
    return { cached: new PagedFile(content), durable: content, changes: [], hasLost: false };
  }

  #change(inode: Inode, change: Change): void {
    const before = inode.cached.bytes;
    inode.cached.apply(change);
    inode.changes.push(change);
    this.#usedBytes += inode.cached.bytes - before;
  }

  #release(inode: Inode | undefined): void {
    if (inode !== undefined) this.#usedBytes -= inode.cached.bytes;
  }
}

function applyName(names: Map<string, Inode>, change: NameChange): void {
  switch (change.kind) {
    case "create":
      names.set(change.name, change.inode);
      return;
    case "unlink":
      names.delete(change.name);
      return;
    case "rename": {
      // The file may never have got its first name.
      const inode = names.get(change.from);
      if (inode === undefined) return;
      names.delete(change.from);
      names.set(change.to, inode);
    }
  }
}

export function diskError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
