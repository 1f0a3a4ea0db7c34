import type { Disk, DiskFile } from "./disk.ts";
import { SNAPSHOT_ROOM } from "./file-names.ts";
import { writeZeros } from "./write-zeros.ts";

/**
 * A file of zeros as large as the next snapshot is expected to be. It is made small while a snapshot is written, which then finds the room that
 * it gave up. Shrinking and growing are for one caller at a time.
 */
export class SnapshotRoom {
  readonly #disk: Disk;
  #bytes: number;
  #wantedBytes: number;
  #lent = 0;
  #lentBytes = 0;

  constructor(disk: Disk, foundBytes: number) {
    this.#disk = disk;
    this.#bytes = foundBytes;
    this.#wantedBytes = foundBytes;
  }

  /** Bytes that are reserved now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that were given up for a snapshot that is being written: free on the disk, and yet not to be used for anything else. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Sets how many bytes are to be reserved when no snapshot is being written. */
  want(bytes: number): void {
    this.#wantedBytes = bytes;
  }

  /** Gives up the room until the answer is called. */
  lend(): () => void {
    this.#lent++;
    this.#lentBytes = Math.max(this.#lentBytes, this.#bytes);
    return () => {
      this.#lent--;
      if (this.#lent === 0) this.#lentBytes = 0;
    };
  }

  get #target(): number {
    return this.#lent > 0 ? 0 : this.#wantedBytes;
  }

  /** Gives back what is not wanted. */
  async shrink(): Promise<void> {
    if (this.#bytes <= this.#target) return;
    const bytes = this.#target;
    await this.#change(async (file) => file.truncate(bytes));
  }

  /**
   * Reserves what is wanted, as long as `goesOn` says so. Answers whether it is all there; rejects with the disk's error, and then keeps what it
   * got.
   */
  async grow(goesOn: () => boolean): Promise<boolean> {
    if (this.#bytes >= this.#target) return true;
    await this.#change(async (file) => {
      const range = { from: this.#bytes, to: this.#target };
      await writeZeros(file, range, () => this.#lent === 0 && goesOn());
    });
    return this.#bytes >= this.#target;
  }

  async #change(change: (file: DiskFile) => Promise<void>): Promise<void> {
    const exists = (await this.#disk.list()).includes(SNAPSHOT_ROOM);
    const file = await this.#disk.open(SNAPSHOT_ROOM, exists ? "write" : "create");
    try {
      await change(file);
      await file.sync();
    } finally {
      this.#bytes = await file.size();
      await file.close();
    }
    if (!exists) await this.#disk.syncDirectory();
  }
}
