import type { Choices } from "./random.ts";

/** What values hostile JSON puts where something else is expected. */
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  "",
  "\u0000",
  "x".repeat(70_000),
  [],
  {},
  "NaN",
  [[[[]]]],
  { "@type": "x/y" },
];
const BROKEN_UTF8 = Uint8Array.of(0xc3, 0x28, 0xff, 0xfe);
/** Deep enough to exhaust a careless recursive parser's stack. */
const NESTING = 5_000;
/** Just over the default limit of a request, 1 MiB. */
const OVER_LIMIT_BYTES = 1024 * 1024 + 1;

/** Breaks bytes: flips, cuts, inserts, repeats, or leaves them as they are. */
export function mutateBytes(bytes: Uint8Array, choices: Choices): Uint8Array {
  const at = choices.below(bytes.length + 1);
  switch (choices.below(8)) {
    case 0:
      return bytes;
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return concat(bytes.subarray(0, at), choices.bytes(1 + choices.below(32)), bytes.subarray(at));
    case 3:
      return concat(bytes, bytes.subarray(at));
    case 4:
      return concat(bytes.subarray(0, at), BROKEN_UTF8, bytes.subarray(at));
    case 5:
      return choices.bytes(choices.below(300));
    case 6:
      return choices.chance(0.02) ? new Uint8Array(OVER_LIMIT_BYTES) : new Uint8Array(0);
    default:
      return flipped(bytes, choices);
  }
}

/** Breaks JSON as JSON: odd values, unknown keys, missing keys, deep nesting; or as text. */
export function mutateJson(value: unknown, choices: Choices): Uint8Array {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const kind = choices.below(6);
  if (kind === 0) return mutateBytes(encode(JSON.stringify(value)), choices);
  if (kind === 1 && choices.chance(0.1)) return encode(`${"[".repeat(NESTING)}${"]".repeat(NESTING)}`);
  if (kind === 2) return encode(JSON.stringify(choices.pick(ODD_VALUES)));
  return encode(JSON.stringify(mutateValue(value, choices, 0)));
}

/** Replaces, removes or adds something at a random place of a value. */
function mutateValue(value: unknown, choices: Choices, depth: number): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth > 8)
    return choices.pick(ODD_VALUES);
  const keys = Object.keys(value);
  const key = keys.length === 0 ? "unknown" : choices.pick(keys);
  const record = value as Record<string, unknown>;
  switch (choices.below(4)) {
    case 0:
      return { ...record, [`${key}${choices.below(9)}`]: choices.pick(ODD_VALUES) };
    case 1:
      return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
    default:
      return { ...record, [key]: mutateValue(record[key], choices, depth + 1) };
  }
}

function flipped(bytes: Uint8Array, choices: Choices): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length === 0) return copy;
  for (let flips = 1 + choices.below(4); flips > 0; flips--) {
    const at = choices.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << choices.below(8));
  }
  return copy;
}

/** Joins parts. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
