import type { Disk, DiskFile, DiskLock } from "../disk.ts";
import { WalError } from "../errors.ts";
import { applyName, applyToFile, type DiskEvent, type FileEvent, type NameEvent } from "./disk-event.ts";

/** Something that the log asks of the disk. */
export interface DiskOperation {
  readonly kind:
    | "list"
    | "open"
    | "create"
    | "rename"
    | "unlink"
    | "syncDirectory"
    | "read"
    | "write"
    | "sync"
    | "truncate";
  readonly name: string;
  /** Of a write or read. */
  readonly bytes: number;
}

/**
 * What goes wrong with an operation: it fails, a write after some of its bytes were written; a write stops short without an error; or one bit of
 * what is written changes on its way.
 */
export type DiskFault =
  | { readonly kind: "error"; readonly code: string; readonly afterBytes?: number }
  | { readonly kind: "short"; readonly bytes: number }
  | { readonly kind: "flip"; readonly bit: number };

export interface SimulatedDiskOptions {
  /** Bytes that all files together may have. */
  readonly capacityBytes?: number;
}

/** The state of a disk that was off: durable, and nothing else. */
export type DiskImage = ReadonlyMap<string, Buffer>;

/** A disk in memory that knows what was synced. It can fail on command, and be looked at as after a power failure at any moment (`crash-image.ts`). */
export class SimulatedDisk implements Disk {
  readonly description = "a simulated disk";
  /** All that changed it. */
  readonly events: DiskEvent[] = [];
  /** What the disk held at the beginning. */
  readonly initial: DiskImage;
  /** Asked before every operation; undefined for one that works. */
  fault: ((operation: DiskOperation) => DiskFault | undefined) | undefined;
  /** Every operation waits for its answer. */
  gate: ((operation: DiskOperation) => Promise<void>) | undefined;
  capacityBytes: number;
  readonly #names = new Map<string, number>();
  readonly #contents = new Map<number, Buffer>();
  #isLocked = false;

  constructor(initial: DiskImage = new Map(), options: SimulatedDiskOptions = {}) {
    this.initial = initial;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    for (const [position, [name, content]] of [...initial].entries()) {
      this.#names.set(name, position);
      this.#contents.set(position, Buffer.from(content));
    }
  }

  /** The files as a process sees them: what remains when only the process dies. */
  present(): DiskImage {
    return new Map([...this.#names].map(([name, file]) => [name, Buffer.from(this.#content(file))]));
  }

  /** The process is gone, and the system goes on, with what it holds in memory. */
  processDied(): void {
    this.#isLocked = false;
    this.fault = undefined;
    this.gate = undefined;
  }

  get usedBytes(): number {
    return [...this.#names.values()].reduce((sum, file) => sum + this.#content(file).length, 0);
  }

  /** Changes a bit of a file in place, as bad media does. */
  flipBit(name: string, bit: number): void {
    flip(this.#content(this.#file(name)), bit);
  }

  async list(): Promise<readonly string[]> {
    await this.#begin({ kind: "list", name: "", bytes: 0 });
    return [...this.#names.keys()];
  }

  async open(name: string, mode: "create" | "write" | "read"): Promise<DiskFile> {
    await this.#begin({ kind: mode === "create" ? "create" : "open", name, bytes: 0 });
    if (mode === "create") {
      const file = this.#contents.size;
      this.#contents.set(file, Buffer.alloc(0));
      this.#changeName({ kind: "create", name, file });
    }
    return this.#fileHandle(this.#file(name), name);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin({ kind: "rename", name: from, bytes: 0 });
    this.#file(from);
    this.#changeName({ kind: "rename", from, to });
  }

  async unlink(name: string): Promise<void> {
    await this.#begin({ kind: "unlink", name, bytes: 0 });
    this.#file(name);
    this.#changeName({ kind: "unlink", name });
  }

  async syncDirectory(): Promise<void> {
    const covers = this.events.length;
    await this.#begin({ kind: "syncDirectory", name: "", bytes: 0 });
    this.events.push({ kind: "syncDirectory", covers });
  }

  async freeBytes(): Promise<number> {
    return Math.max(0, this.capacityBytes - this.usedBytes);
  }

  async lock(): Promise<DiskLock> {
    if (this.#isLocked) throw new WalError("locked", "the simulated disk is locked; release the lock first");
    this.#isLocked = true;
    return {
      release: async () => {
        this.#isLocked = false;
      },
    };
  }

  #fileHandle(file: number, name: string): DiskFile {
    return {
      read: async (target, position) => {
        await this.#begin({ kind: "read", name, bytes: target.length });
        return this.#content(file).copy(target, 0, position, position + target.length);
      },
      write: async (bytes, position) => await this.#write({ file, name, position }, Buffer.from(bytes)),
      sync: async () => {
        const covers = this.events.length;
        try {
          await this.#begin({ kind: "sync", name, bytes: 0 });
        } catch (error) {
          this.events.push({ kind: "failedSync", file, covers });
          throw error;
        }
        this.events.push({ kind: "sync", file, covers });
      },
      size: async () => this.#content(file).length,
      truncate: async (bytes) => {
        await this.#begin({ kind: "truncate", name, bytes });
        this.#changeFile({ kind: "truncate", file, bytes });
      },
      close: async () => undefined,
    };
  }

  async #write(
    { file, name, position }: { file: number; name: string; position: number },
    bytes: Buffer,
  ): Promise<number> {
    const operation: DiskOperation = { kind: "write", name, bytes: bytes.length };
    const fault = await this.#await(operation);
    const room = this.#content(file).length + this.capacityBytes - this.usedBytes - position;
    let count = Math.min(bytes.length, room);
    if (count <= 0) throw diskError("ENOSPC", operation);
    if (fault?.kind === "flip") flip(bytes, fault.bit % (bytes.length * 8));
    if (fault?.kind === "short") count = Math.min(count, Math.max(1, fault.bytes));
    if (fault?.kind === "error") count = Math.min(count, fault.afterBytes ?? 0);
    if (count > 0) this.#changeFile({ kind: "write", file, position, bytes: bytes.subarray(0, count) });
    if (fault?.kind === "error") throw diskError(fault.code, operation);
    return count;
  }

  async #begin(operation: DiskOperation): Promise<void> {
    const fault = await this.#await(operation);
    if (fault?.kind === "error") throw diskError(fault.code, operation);
  }

  async #await(operation: DiskOperation): Promise<DiskFault | undefined> {
    const fault = this.fault?.(operation);
    await this.gate?.(operation);
    return fault;
  }

  #changeName(event: NameEvent): void {
    this.events.push(event);
    applyName(this.#names, event);
  }

  #changeFile(event: FileEvent): void {
    this.events.push(event);
    this.#contents.set(event.file, applyToFile(this.#content(event.file), event));
  }

  #file(name: string): number {
    const file = this.#names.get(name);
    if (file === undefined) throw diskError("ENOENT", { kind: "open", name, bytes: 0 });
    return file;
  }

  #content(file: number): Buffer {
    const content = this.#contents.get(file);
    if (content === undefined) throw new Error(`the simulated disk has no file ${file}`);
    return content;
  }
}

function flip(bytes: Buffer, bit: number): void {
  const at = Math.floor(bit / 8);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (bit % 8)), at);
}

function diskError(code: string, { kind, name }: DiskOperation): Error {
  return Object.assign(new Error(`${code}: simulated, ${kind} ${name}`), { code });
}
