import type { LogIndex, Term } from "@trellis/raft";
import type { Disk, DiskFile } from "@trellis/wal";

import { RaftNodeError } from "../errors.ts";
import type { SnapshotHeader } from "../member.ts";
import { END_FRAME, FrameDecoder, FrameEncoder, HEADER_FRAME, MAGIC } from "./frames.ts";
import { decodeHeader, encodeHeader } from "./header.ts";

/** How many snapshots are kept: the newest, and the one before it in case the newest cannot be read. */
const KEPT = 2;
/** Bytes of one read, and of one write. */
const PIECE_BYTES = 256 * 1024;
/** Bytes of a snapshot that may wait to be written by the system. */
const SYNC_BYTES = 8 * 1024 * 1024;
const UNFINISHED = ".unfinished";
const NAME = /^snapshot-(\d{16})-(\d{10})$/;

/** A snapshot file. */
export interface SnapshotFile {
  readonly name: string;
  readonly index: LogIndex;
  readonly term: Term;
}

/** A piece of a state machine's part of a snapshot. */
export interface StateChunk {
  /** The machine's type byte. */
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** A snapshot that was read and checked to its end. */
export interface CheckedSnapshot extends SnapshotFile {
  readonly header: SnapshotHeader;
  readonly bytes: number;
}

/**
 * The snapshot files of a node. A file has its name only once it is whole and durable; one that is being written ends in `.unfinished` and is
 * deleted by the next start.
 */
export class SnapshotStore {
  readonly #disk: Disk;
  #files: SnapshotFile[];
  /** Files that are being read: deleted once nobody does. */
  readonly #readers = new Map<string, number>();
  /** Files that were begun: each has a name of its own until it is whole, also when two are of one entry. */
  #begun = 0;

  private constructor(disk: Disk, files: SnapshotFile[]) {
    this.#disk = disk;
    this.#files = files;
  }

  /** Looks at what there is, and deletes what was never finished. */
  static async open(disk: Disk): Promise<SnapshotStore> {
    const names = await disk.list();
    const unfinished = names.filter((name) => name.endsWith(UNFINISHED));
    for (const name of unfinished) await disk.unlink(name);
    if (unfinished.length > 0) await disk.syncDirectory();
    const files = names.flatMap((name) => {
      const [, index, term] = NAME.exec(name) ?? [];
      return index === undefined || term === undefined
        ? []
        : [{ name, index: Number(index), term: Number(term) }];
    });
    return new SnapshotStore(disk, files.sort(newestFirst));
  }

  /** Newest first. */
  get files(): readonly SnapshotFile[] {
    return this.#files;
  }

  find(index: LogIndex, term: Term): SnapshotFile | undefined {
    return this.#files.find((file) => file.index === index && file.term === term);
  }

  /** Writes a snapshot and makes it durable. Rejects with the disk's error, and then leaves nothing behind. */
  async write(header: SnapshotHeader, chunks: AsyncIterable<StateChunk>): Promise<CheckedSnapshot> {
    return await this.#create(header, async (file) => {
      const encoder = new FrameEncoder();
      await file.add(MAGIC);
      await file.addAll(encoder.encode(HEADER_FRAME, encodeHeader(header)));
      for await (const { kind, bytes } of chunks) await file.addAll(encoder.encode(kind, bytes));
      await file.addAll(encoder.end());
      return header;
    });
  }

  /** Takes in the file of another node and checks it on the way. Rejects with `damaged`, or with the disk's error; then nothing is left of it. */
  async receive(
    expected: { readonly index: LogIndex; readonly term: Term },
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<CheckedSnapshot> {
    return await this.#create(expected, async (file) => {
      const decoder = new FrameDecoder("the snapshot that comes in");
      let header: SnapshotHeader | undefined;
      for await (const piece of pieces) {
        for (const frame of decoder.push(piece))
          if (frame.kind === HEADER_FRAME) header = decodeHeader(frame.payload);
        await file.add(piece);
      }
      decoder.finish();
      if (header?.index !== expected.index || header.term !== expected.term) {
        throw new RaftNodeError(
          "damaged",
          `expected a snapshot of entry ${expected.index} of term ${expected.term}, found ${header?.index} of term ${header?.term}`,
        );
      }
      return header;
    });
  }

  /** Reads a file to its end and checks it. Rejects with `damaged`. */
  async check(file: SnapshotFile): Promise<CheckedSnapshot> {
    let header: SnapshotHeader | undefined;
    let bytes = 0;
    const decoder = new FrameDecoder(this.#describe(file));
    for await (const piece of this.#passingPieces(file)) {
      bytes += piece.length;
      for (const frame of decoder.push(piece))
        if (frame.kind === HEADER_FRAME) header = decodeHeader(frame.payload);
    }
    decoder.finish();
    if (header?.index !== file.index || header.term !== file.term) {
      throw new RaftNodeError(
        "damaged",
        `${this.#describe(file)} is of entry ${header?.index} of term ${header?.term}, which its name contradicts`,
      );
    }
    return { ...file, header, bytes };
  }

  /** The bytes of a file, as they are. */
  pieces(file: SnapshotFile): AsyncGenerator<Uint8Array> {
    return this.#read(file, () => Buffer.allocUnsafe(PIECE_BYTES));
  }

  /** The same, each in the place of the one before: a collection of all garbage is due whenever so many buffers were made as one snapshot has. */
  #passingPieces(file: SnapshotFile): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    return this.#read(file, () => buffer);
  }

  async *#read(file: SnapshotFile, nextBuffer: () => Buffer): AsyncGenerator<Uint8Array> {
    this.#readers.set(file.name, (this.#readers.get(file.name) ?? 0) + 1);
    let open: DiskFile | undefined;
    try {
      open = await this.#disk.open(file.name, "read");
      for (let position = 0; ;) {
        const piece = nextBuffer();
        const count = await open.read(piece, position);
        if (count === 0) return;
        position += count;
        yield piece.subarray(0, count);
      }
    } finally {
      await open?.close();
      await this.#readerLeft(file.name);
    }
  }

  /** The chunks of a file, each checked, and valid until the next is asked for. Rejects with `damaged`. */
  async *chunks(file: SnapshotFile): AsyncGenerator<StateChunk> {
    const decoder = new FrameDecoder(this.#describe(file));
    for await (const piece of this.#passingPieces(file)) {
      for (const frame of decoder.push(piece)) {
        if (frame.kind !== HEADER_FRAME && frame.kind !== END_FRAME)
          yield { kind: frame.kind, bytes: frame.payload };
      }
    }
    decoder.finish();
  }

  /** Deletes a file that turned out to be of no use. */
  async discard(file: SnapshotFile): Promise<void> {
    this.#files = this.#files.filter(({ name }) => name !== file.name);
    await this.#delete(file.name);
  }

  /** Deletes all but the newest ones up to an index. */
  async retain(index: LogIndex): Promise<void> {
    const known = this.#files.filter((file) => file.index <= index);
    const kept = new Set(known.slice(0, KEPT).map(({ name }) => name));
    for (const file of known) if (!kept.has(file.name)) await this.discard(file);
  }

  #describe({ name }: SnapshotFile): string {
    return `${this.#disk.description}/${name}`;
  }

  async #create(
    { index, term }: { readonly index: LogIndex; readonly term: Term },
    fill: (file: PieceWriter) => Promise<SnapshotHeader>,
  ): Promise<CheckedSnapshot> {
    const name = `snapshot-${String(index).padStart(16, "0")}-${String(term).padStart(10, "0")}`;
    const unfinished = `${name}.${++this.#begun}${UNFINISHED}`;
    const open = await this.#disk.open(unfinished, "create");
    const writer = new PieceWriter(open);
    let header: SnapshotHeader;
    try {
      header = await fill(writer);
      await writer.flush();
      await open.sync();
    } catch (error) {
      await open.close().catch(ignore);
      // What cannot be deleted now, the next start deletes.
      await this.#disk.unlink(unfinished).catch(ignore);
      throw error;
    }
    await open.close();
    await this.#disk.rename(unfinished, name);
    await this.#disk.syncDirectory();
    const file = { name, index, term };
    this.#files = [file, ...this.#files.filter((other) => other.name !== name)].sort(newestFirst);
    return { ...file, header, bytes: writer.bytes };
  }

  async #readerLeft(name: string): Promise<void> {
    const left = (this.#readers.get(name) ?? 1) - 1;
    if (left > 0) {
      this.#readers.set(name, left);
      return;
    }
    this.#readers.delete(name);
    if (!this.#files.some((file) => file.name === name)) await this.#delete(name);
  }

  async #delete(name: string): Promise<void> {
    if ((this.#readers.get(name) ?? 0) > 0) return;
    await this.#disk.unlink(name);
  }
}

/**
 * Gathers what is written into pieces, in one buffer, and has them synced as they become many: a disk that is left to itself writes them all at once, and
 * the log's syncs wait behind them.
 */
class PieceWriter {
  readonly #file: DiskFile;
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #pendingBytes = 0;
  #written = 0;
  #syncedBytes = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#written + this.#pendingBytes;
  }

  async addAll(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) await this.add(part);
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      const part = bytes.subarray(from, from + PIECE_BYTES - this.#pendingBytes);
      this.#piece.set(part, this.#pendingBytes);
      this.#pendingBytes += part.length;
      from += part.length;
      if (this.#pendingBytes === PIECE_BYTES) await this.flush();
    }
    if (this.#written - this.#syncedBytes < SYNC_BYTES) return;
    await this.#file.sync();
    this.#syncedBytes = this.#written;
  }

  async flush(): Promise<void> {
    const bytes = this.#pendingBytes;
    for (let written = 0; written < bytes;) {
      const count = await this.#file.write(this.#piece.subarray(written, bytes), this.#written + written);
      if (count < 1)
        throw Object.assign(new Error(`a write of ${bytes - written} bytes wrote nothing`), { code: "EIO" });
      written += count;
    }
    this.#pendingBytes = 0;
    this.#written += bytes;
  }
}

function newestFirst(a: SnapshotFile, b: SnapshotFile): number {
  return b.index - a.index || b.term - a.term;
}

function ignore(): void {}
