import type { Wal } from "@trellis/wal";

import type { Machines } from "./machines.ts";

/** Room is kept for a snapshot of so many times the bytes of the state, and more when the state has grown to so little less. */
const ROOM = 1.25;
const LEAST_ROOM = 1.1;
/** The state is looked at each time the log has grown by this share of the last snapshot, and by so many bytes at least. */
const LOOK_SHARE = 1 / 32;
const LEAST_LOOK_BYTES = 64 * 1024;

/** What a keeper works with. */
export interface RoomKeeperDeps {
  readonly machines: Machines;
  readonly wal: Wal;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Has the log keep room for the next snapshot, and more as the state grows: where the disk is full, that snapshot is what wins space back, and it has nothing but its room
 * (decision 18).
 */
export class RoomKeeper {
  readonly #deps: RoomKeeperDeps;
  /** Bytes that room is kept for. */
  #roomBytes: number;
  #snapshotBytes = 0;
  /** What the last snapshot had for each byte that its state was said to have. */
  #bytesPerSaid = 1;
  /** Bytes of the log behind the snapshot when the state was looked at last. */
  #lookedBytes = Number.NEGATIVE_INFINITY;

  constructor(deps: RoomKeeperDeps) {
    this.#deps = deps;
    this.#roomBytes = deps.wal.figures().snapshotRoomBytes;
  }

  /** About how many bytes a snapshot of the state as it is now has. */
  get estimate(): number {
    return this.#deps.machines.approximateBytes * this.#bytesPerSaid;
  }

  /** Sees how far what was said of a state is from what its snapshot has. Of a small one that tells nothing: it is mostly what stands around it. */
  compare(bytes: number, said: number): void {
    this.#snapshotBytes = bytes;
    this.#bytesPerSaid = said < LEAST_LOOK_BYTES ? Math.max(1, bytes / LEAST_LOOK_BYTES) : bytes / said;
  }

  /** Keeps more room if the state needs it by now; to be called as the log grows, with its bytes behind the last snapshot. */
  follow(logBytes: number): void {
    if (logBytes - this.#lookedBytes < Math.max(LEAST_LOOK_BYTES, this.#snapshotBytes * LOOK_SHARE)) return;
    this.#lookedBytes = logBytes;
    const bytes = this.estimate;
    if (bytes * LEAST_ROOM > this.#roomBytes) this.#reserve(bytes);
  }

  /** There is a new snapshot, which was compared: keeps as much room as the state needs that has grown meanwhile, and no more. */
  renew(logBytes: number): void {
    this.#lookedBytes = logBytes;
    this.#reserve(Math.max(this.#snapshotBytes, this.estimate));
  }

  /** In the background: nothing but a lack of it is to be told. */
  #reserve(bytes: number): void {
    this.#roomBytes = Math.ceil(bytes * ROOM);
    this.#deps.wal.reserveSnapshotRoom(this.#roomBytes).catch(this.#deps.onFailure);
  }
}
