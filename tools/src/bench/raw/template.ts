const ZERO = "0".charCodeAt(0);

/** Numbers of a fixed width somewhere in bytes that are else always the same. */
export class Template {
  readonly #bytes: Buffer;
  /** By placeholder: where it stands, each time. */
  readonly #places: readonly (readonly number[])[];
  readonly #widths: readonly number[];

  /** `placeholders` are runs of digits that stand for nothing else in the bytes. Throws for one that is not there. */
  constructor(bytes: Uint8Array, placeholders: readonly string[]) {
    this.#bytes = Buffer.from(bytes);
    this.#widths = placeholders.map(({ length }) => length);
    this.#places = placeholders.map((placeholder) => placesOf(this.#bytes, placeholder));
  }

  /** A copy with these numbers in place of the placeholders, by position. */
  fill(...numbers: readonly number[]): Buffer {
    const copy = Buffer.allocUnsafe(this.#bytes.length);
    copy.set(this.#bytes);
    for (let index = 0; index < numbers.length; index++) {
      const width = this.#widths[index] ?? 0;
      for (const at of this.#places[index] ?? []) writeDigits(copy, { at, width }, numbers[index] ?? 0);
    }
    return copy;
  }
}

function placesOf(bytes: Buffer, placeholder: string): readonly number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(placeholder); at >= 0; at = bytes.indexOf(placeholder, at + placeholder.length))
    places.push(at);
  if (places.length === 0) throw new Error(`the template has no "${placeholder}"`);
  return places;
}

function writeDigits(
  bytes: Buffer,
  { at, width }: { readonly at: number; readonly width: number },
  value: number,
): void {
  let rest = value;
  for (let digit = at + width - 1; digit >= at; digit--) {
    bytes[digit] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
