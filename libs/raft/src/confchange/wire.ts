import { RaftError } from "../errors.ts";

/** One field of a protobuf message: a number (varint) or bytes (length-delimited). Conf changes use no other kind. */
export interface WireField {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/** Writes fields in the order of the calls. */
export class WireWriter {
  readonly #bytes: number[] = [];

  number(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes.push((rest % 128) + 128);
    this.#bytes.push(rest);
  }
}

/** Reads all fields. Errors: `invalid-conf-change` for anything that `WireWriter` does not write. */
export function readFields(data: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let unit = 1; unit <= Number.MAX_SAFE_INTEGER; unit *= 128) {
      const byte = data[at++];
      if (byte === undefined) break;
      value += (byte % 128) * unit;
      if (byte < 128 && value <= Number.MAX_SAFE_INTEGER) return value;
    }
    throw new RaftError("invalid-conf-change", "expected a number below 2^53, found none or a larger one");
  };
  while (at < data.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === 0) {
      fields.push({ number, value: varint() });
    } else if (kind === 2) {
      const length = varint();
      if (at + length > data.length) {
        throw new RaftError("invalid-conf-change", `expected ${length} bytes, found ${data.length - at}`);
      }
      fields.push({ number, value: data.subarray(at, at + length) });
      at += length;
    } else {
      throw new RaftError("invalid-conf-change", `expected a number or bytes, found wire type ${kind}`);
    }
  }
  return fields;
}
