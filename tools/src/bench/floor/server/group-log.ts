import { fdatasync, fsyncSync, openSync, writeSync } from "node:fs";
import type { ServerHttp2Stream } from "node:http2";

import type { TakeCall } from "./calls.ts";

/** Written with zeros before anything is logged: a sync has no new extents to note then, only data. */
const FILE_BYTES = 64 * 1024 ** 2;
const PIECE_BYTES = 1024 ** 2;
/** Calls that may wait for the disk: as long as each may be, all of them fit into the file. */
const MAX_WAITING = 128;

/** A call that is answered when its body is on disk. */
interface WaitingCall {
  readonly call: ServerHttp2Stream;
  readonly body: Buffer;
}

/** A log that makes all durable at once that came while the disk was busy. It begins anew at the end of its file. */
export class GroupLog {
  readonly #file: number;
  readonly #onDisk: TakeCall;
  #waiting: WaitingCall[] = [];
  #position = 0;
  #isWriting = false;

  /** Makes the file. `onDisk` is given each call whose body is durable, in the order in which they came. */
  constructor(path: string, onDisk: TakeCall) {
    this.#onDisk = onDisk;
    this.#file = openSync(path, "w");
    const zeros = Buffer.alloc(PIECE_BYTES);
    for (let at = 0; at < FILE_BYTES; at += PIECE_BYTES) this.#write(zeros, at);
    fsyncSync(this.#file);
  }

  /** Takes a call; false when too many wait already. */
  append(call: ServerHttp2Stream, body: Buffer): boolean {
    if (this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push({ call, body });
    this.#next();
    return true;
  }

  /** Has what waits written once all has been read that has come until now. */
  #next(): void {
    if (this.#isWriting || this.#waiting.length === 0) return;
    this.#isWriting = true;
    setImmediate(() => this.#writeWaiting());
  }

  #writeWaiting(): void {
    const calls = this.#waiting;
    this.#waiting = [];
    const bytes = Buffer.concat(calls.map(({ body }) => body));
    if (this.#position + bytes.length > FILE_BYTES) this.#position = 0;
    this.#write(bytes, this.#position);
    this.#position += bytes.length;
    fdatasync(this.#file, (error) => {
      // Ends the process: what else could be promised of a disk that fails?
      if (error !== null) throw error;
      this.#isWriting = false;
      for (const { call, body } of calls) this.#onDisk(call, body);
      this.#next();
    });
  }

  #write(bytes: Buffer, position: number): void {
    const written = writeSync(this.#file, bytes, 0, bytes.length, position);
    if (written !== bytes.length)
      throw new Error(`expected to write ${bytes.length} bytes of the log, wrote ${written}: free some disk`);
  }
}
