import { type DiskFile, writeFully } from "./disk.ts";

/**
 * Zeros are written in pieces of this many bytes, one at a time, so that preparing holds no more than one place in the thread pool, and that
 * only briefly.
 */
const PIECE_BYTES = 1024 * 1024;
let zeros: Uint8Array | undefined;

/** Writes zeros over a range of a file. They are really written: a hole would reserve nothing. Ends early when `goesOn` says no. */
export async function writeZeros(
  file: DiskFile,
  range: { readonly from: number; readonly to: number },
  goesOn: () => boolean = () => true,
): Promise<number> {
  zeros ??= new Uint8Array(PIECE_BYTES);
  let offset = range.from;
  while (offset < range.to && goesOn()) {
    const bytes = Math.min(PIECE_BYTES, range.to - offset);
    await writeFully(file, zeros.subarray(0, bytes), offset);
    offset += bytes;
  }
  return offset;
}
