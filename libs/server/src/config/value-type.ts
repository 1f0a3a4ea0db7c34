import { type Address, parseAddress } from "../address.ts";

/** What reading a value comes to: the value, or what was expected instead. */
export type Parsed<T> = { readonly value: T } | { readonly expected: string };

/** A kind of value that an option may have. */
export interface ValueType<T> {
  /** Stands for the value in the help text (`HOST:PORT`). */
  readonly placeholder: string;
  /** Reads a text (of a flag or the environment) or a scalar of a file. */
  parse(raw: string | number | boolean): Parsed<T>;
}

/** Any text but the empty one. */
export function text(placeholder: string): ValueType<string> {
  const expected = `${placeholder.toLowerCase()}, not empty`;
  return { placeholder, parse: (raw) => (raw === "" ? { expected } : { value: String(raw) }) };
}

/** One of a few words. */
export function choice<const T extends string>(placeholder: string, words: readonly T[]): ValueType<T> {
  return {
    placeholder,
    parse(raw) {
      const value = words.find((word) => word === raw);
      return value === undefined ? { expected: `one of ${words.join(", ")}` } : { value };
    },
  };
}

/** A whole number between two bounds, both included. */
export function integer(bounds: {
  readonly min: number;
  readonly max: number;
  readonly placeholder?: string;
}): ValueType<number> {
  const { min, max } = bounds;
  return {
    placeholder: bounds.placeholder ?? "N",
    parse(raw) {
      const value = typeof raw === "string" && !/^-?\d+$/.test(raw) ? Number.NaN : Number(raw);
      const fits = typeof raw !== "boolean" && Number.isSafeInteger(value) && value >= min && value <= max;
      return fits ? { value } : { expected: `a whole number from ${min} to ${max}` };
    },
  };
}

/** A duration in whole milliseconds, at least 1; at most the longest timer of the platform. */
export function milliseconds(): ValueType<number> {
  return integer({ min: 1, max: 0x7fff_ffff, placeholder: "MS" });
}

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes, as `1048576` or `1MiB`. */
export function bytes(bounds: { readonly min: number; readonly max: number }): ValueType<number> {
  return {
    placeholder: "BYTES",
    parse(raw) {
      const match = /^(\d{1,15}) ?(|KiB|MiB|GiB)$/.exec(String(raw));
      const value = Number(match?.[1] ?? Number.NaN) * (UNITS[match?.[2] ?? ""] ?? 1);
      if (value >= bounds.min && value <= bounds.max) return { value };
      return { expected: `bytes from ${bounds.min} to ${bounds.max}, as in 1048576 or 1MiB` };
    },
  };
}

/** `host:port`. */
export function address(): ValueType<Address> {
  return {
    placeholder: "HOST:PORT",
    parse(raw) {
      try {
        return { value: parseAddress(String(raw)) };
      } catch (error) {
        return { expected: (error as Error).message.replace(/^expected /, "") };
      }
    },
  };
}

/** The URL of a server, `http:` or `https:`, without anything after the port. */
export function serverUrl(): ValueType<string> {
  return {
    placeholder: "URL",
    parse(raw) {
      const url = URL.canParse(String(raw)) ? new URL(String(raw)) : undefined;
      const plain =
        url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === "/" && url.search === "";
      return plain ? { value: url.origin } : { expected: "a server's URL, as in http://127.0.0.1:7500" };
    },
  };
}

/** Yes or no. */
export function yesNo(): ValueType<boolean> {
  return {
    placeholder: "true|false",
    parse(raw) {
      if (raw === true || raw === "true" || raw === "1") return { value: true };
      if (raw === false || raw === "false" || raw === "0") return { value: false };
      return { expected: "true or false" };
    },
  };
}
