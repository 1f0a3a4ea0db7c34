const TWO_TO_32 = 2 ** 32;

/** Writes a whole number below 2^53 as eight bytes, little-endian. */
export function writeUint53(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % TWO_TO_32, offset);
  target.writeUInt32LE(Math.floor(value / TWO_TO_32), offset + 4);
}

/** Reads what {@link writeUint53} wrote; NaN for a number that does not fit. */
export function readUint53(source: Buffer, offset: number): number {
  const value = source.readUInt32LE(offset + 4) * TWO_TO_32 + source.readUInt32LE(offset);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Whether a value is a number that the format can hold and that counts something. */
export function isUint53(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
