import { type Disk, type DiskFile, writeFully } from "./disk.ts";
import { invariant, isNoSpace } from "./errors.ts";
import { segmentName, spareName, UNFINISHED_SEGMENT } from "./file-names.ts";
import { HEADER_BLOCK_BYTES } from "./format.ts";
import type { WalLimits } from "./limits.ts";
import { makeSegmentHeader, type SegmentIdentity } from "./segment-header.ts";
import { writeZeros } from "./write-zeros.ts";

/** A segment that is open for writing. */
export interface OpenSegment {
  readonly identity: SegmentIdentity;
  readonly file: DiskFile;
  /** Where the next record goes. */
  end: number;
}

/** What a shelf starts with. */
export interface FoundSegments {
  /** Those before the one that is written. */
  readonly sealed: readonly SegmentIdentity[];
  readonly active: OpenSegment;
  /** Prepared, in order, without a record. */
  readonly ahead: readonly SegmentIdentity[];
  readonly spares: readonly string[];
}

/**
 * The segments of a log: those that hold records, the one that is written, those that are prepared behind it, and dropped ones that wait to
 * be recycled. Preparing and dropping are for one caller at a time.
 */
export class SegmentShelf {
  readonly #disk: Disk;
  readonly #limits: WalLimits;
  readonly #random: () => number;
  readonly #sealed: SegmentIdentity[];
  readonly #ahead: SegmentIdentity[];
  #spares: string[];
  #active: OpenSegment;
  /** Readers of each segment: a segment that is read is not dropped. */
  readonly #pins = new Map<number, number>();
  /** The segment that dropping stopped at because it is read. */
  #waitsFor: number | undefined;
  #created = 0;
  #recycled = 0;

  constructor(
    { disk, limits, random }: { disk: Disk; limits: WalLimits; random: () => number },
    found: FoundSegments,
  ) {
    this.#disk = disk;
    this.#limits = limits;
    this.#random = random;
    this.#sealed = [...found.sealed];
    this.#active = found.active;
    this.#ahead = [...found.ahead];
    this.#spares = [...found.spares];
  }

  get active(): OpenSegment {
    return this.#active;
  }

  get figures(): { sealed: number; ahead: number; spares: number; created: number; recycled: number } {
    return {
      sealed: this.#sealed.length,
      ahead: this.#ahead.length,
      spares: this.#spares.length,
      created: this.#created,
      recycled: this.#recycled,
    };
  }

  /** The identity of a segment that holds records. */
  identityOf(number: number): SegmentIdentity {
    const { identity } = this.#active;
    const found =
      number === identity.number ? identity : this.#sealed.find((segment) => segment.number === number);
    invariant(found !== undefined, `segment ${number} is not one of the log's`);
    return found;
  }

  /** Goes on to the next prepared segment. Answers false when there is none. */
  async rotate(): Promise<boolean> {
    const next = this.#ahead[0];
    if (next === undefined) return false;
    const file = await this.#disk.open(segmentName(next.number), "write");
    this.#ahead.shift();
    const before = this.#active;
    this.#sealed.push(before.identity);
    this.#active = { identity: next, file, end: HEADER_BLOCK_BYTES };
    await before.file.close();
    return true;
  }

  /**
   * Prepares one more segment, from a spare or with zeros. It is the log's only once its header, its bytes and its name are durable. Rejects
   * with the disk's error, and then leaves nothing behind.
   */
  async prepare(): Promise<void> {
    const { logId, number: activeNumber } = this.#active.identity;
    const number = (this.#ahead.at(-1)?.number ?? activeNumber) + 1;
    const place = { logId, number, bytes: this.#limits.segmentBytes };
    const { identity, block } = makeSegmentHeader(place, this.#random);
    const spare = this.#spares.shift();
    const name = spare ?? UNFINISHED_SEGMENT;
    try {
      const file = await this.#disk.open(name, spare === undefined ? "create" : "write");
      try {
        if (spare === undefined) await writeZeros(file, { from: 0, to: place.bytes });
        await writeFully(file, block, 0);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#disk.rename(name, segmentName(number));
      await this.#disk.syncDirectory();
    } catch (error) {
      // Gives the space back at once; what cannot be removed now is removed at the next start.
      await this.#disk.unlink(name).catch(() => undefined);
      throw error;
    }
    this.#ahead.push(identity);
    if (spare === undefined) this.#created++;
    else this.#recycled++;
  }

  /**
   * Drops the segments with a number below `number`, oldest first, each one durably before the next, so that a crash never leaves a gap.
   * Stops at one that is being read. Whatever fails here is final: the directory is no longer known.
   */
  async dropBefore(number: number): Promise<void> {
    for (let oldest = this.#sealed[0]; oldest !== undefined; oldest = this.#sealed[0]) {
      if (oldest.number >= number) return;
      if (this.#pins.has(oldest.number)) {
        this.#waitsFor = oldest.number;
        return;
      }
      const isKept = await this.#drop(oldest);
      await this.#disk.syncDirectory();
      this.#sealed.shift();
      if (isKept) this.#spares.push(spareName(oldest.number));
    }
  }

  /** Takes a segment's name away. Answers whether its file is kept as a spare. */
  async #drop({ number, bytes }: SegmentIdentity): Promise<boolean> {
    const name = segmentName(number);
    if (this.#spares.length < this.#limits.spareSegments && bytes === this.#limits.segmentBytes) {
      try {
        await this.#disk.rename(name, spareName(number));
        return true;
      } catch (error) {
        // A new name may need space; giving space back must not.
        if (!isNoSpace(error)) throw error;
      }
    }
    await this.#disk.unlink(name);
    return false;
  }

  /** Deletes the spares, for their space. Answers whether there were any. */
  async giveUpSpares(): Promise<boolean> {
    const spares = this.#spares;
    this.#spares = [];
    for (const spare of spares) await this.#disk.unlink(spare);
    return spares.length > 0;
  }

  /** Keeps segments from being dropped until the answer is called, which answers whether dropping had to wait for it. */
  pin(numbers: readonly number[]): () => boolean {
    for (const number of numbers) this.#pins.set(number, (this.#pins.get(number) ?? 0) + 1);
    return () => {
      for (const number of numbers) {
        const left = (this.#pins.get(number) ?? 0) - 1;
        if (left > 0) this.#pins.set(number, left);
        else this.#pins.delete(number);
      }
      const isFree = this.#waitsFor !== undefined && !this.#pins.has(this.#waitsFor);
      if (isFree) this.#waitsFor = undefined;
      return isFree;
    };
  }

  async close(): Promise<void> {
    await this.#active.file.close();
  }
}
