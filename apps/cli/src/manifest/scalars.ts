import { type DescEnum, ScalarType } from "@bufbuild/protobuf";

/** What a scalar of a manifest becomes in protobuf's JSON; undefined when it does not fit. */
export type ScalarJson = string | number | boolean;

/** A scalar as YAML gives it: integers are bigints. */
export type YamlScalar = string | number | bigint | boolean;

const INTEGERS: Readonly<
  Partial<
    Record<
      ScalarType,
      { readonly name: string; readonly min: bigint; readonly max: bigint; readonly wide: boolean }
    >
  >
> = (() => {
  const signed = (bits: bigint, name: string) => ({
    name,
    min: -(2n ** (bits - 1n)),
    max: 2n ** (bits - 1n) - 1n,
    wide: bits > 32n,
  });
  const unsigned = (bits: bigint, name: string) => ({
    name,
    min: 0n,
    max: 2n ** bits - 1n,
    wide: bits > 32n,
  });
  return {
    [ScalarType.INT32]: signed(32n, "int32"),
    [ScalarType.SINT32]: signed(32n, "int32"),
    [ScalarType.SFIXED32]: signed(32n, "int32"),
    [ScalarType.INT64]: signed(64n, "int64"),
    [ScalarType.SINT64]: signed(64n, "int64"),
    [ScalarType.SFIXED64]: signed(64n, "int64"),
    [ScalarType.UINT32]: unsigned(32n, "uint32"),
    [ScalarType.FIXED32]: unsigned(32n, "uint32"),
    [ScalarType.UINT64]: unsigned(64n, "uint64"),
    [ScalarType.FIXED64]: unsigned(64n, "uint64"),
  };
})();

/** What is expected of a scalar field, in words. */
export function scalarWords(type: ScalarType): string {
  const integer = INTEGERS[type];
  if (integer !== undefined)
    return integer.min === 0n
      ? `a whole number from 0 (${integer.name})`
      : `a whole number (${integer.name})`;
  if (type === ScalarType.BOOL) return "true or false";
  if (type === ScalarType.BYTES) return "bytes in base64";
  if (type === ScalarType.FLOAT || type === ScalarType.DOUBLE) return "a number";
  return "a string";
}

/** Reads a scalar of a protobuf type; undefined when it does not fit. */
export function readScalar(type: ScalarType, value: YamlScalar): ScalarJson | undefined {
  const integer = INTEGERS[type];
  if (integer !== undefined) {
    const whole = wholeNumber(value);
    if (whole === undefined || whole < integer.min || whole > integer.max) return undefined;
    return integer.wide ? whole.toString() : Number(whole);
  }
  if (type === ScalarType.BOOL) return typeof value === "boolean" ? value : undefined;
  if (type === ScalarType.FLOAT || type === ScalarType.DOUBLE) return readFloat(value);
  // Half of a surrogate pair is no character, and would be stored as another one.
  if (typeof value !== "string" || !value.isWellFormed()) return undefined;
  return type === ScalarType.BYTES && !isBase64(value) ? undefined : value;
}

/** Reads an enum's value, by its name or number; undefined when there is none. */
export function readEnum(type: DescEnum, value: YamlScalar): string | number | undefined {
  if (typeof value === "string") return type.values.some(({ name }) => name === value) ? value : undefined;
  if (typeof value !== "bigint") return undefined;
  const number = Number(value);
  const known = type.value[number] !== undefined;
  const fits = number >= -(2 ** 31) && number < 2 ** 31;
  return known || (type.open && fits) ? number : undefined;
}

/** Whether a text is base64, in the standard alphabet or the one for URLs, with padding or without. */
export function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) && text.replaceAll("=", "").length % 4 !== 1;
}

function wholeNumber(value: YamlScalar): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function readFloat(value: YamlScalar): number | string | undefined {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "string") return undefined;
  if (["NaN", "Infinity", "-Infinity"].includes(value)) return value;
  return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : undefined;
}
