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

  constructor(disk: Disk, foundBytes: number) {
    this.#disk = disk;
    this.#bytes = foundBytes;
    this.#wantedBytes = foundBytes;
  }

  /** Bytes that are reserved now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sets how many bytes are to be reserved when no snapshot is being written. */
  want(bytes: number): void {
    this.#wantedBytes = bytes;
  }

  /** Gives up the room until the answer is called. */
  lend(): () => void {
    this.#lent++;
    return () => {
      this.#lent--;
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

  /** Reserves what is wanted. Rejects with the disk's error, and then keeps what it got. */
  async grow(): Promise<void> {
    if (this.#bytes >= this.#target) return;
    await this.#change(async (file) => {
      await writeZeros(file, { from: this.#bytes, to: this.#target }, () => this.#lent === 0);
    });
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
