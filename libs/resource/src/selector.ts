import { RESERVED_METADATA_KEYS } from "./finalizers.ts";

/** The longest selector, in UTF-8 bytes. */
export const MAX_SELECTOR_BYTES = 1024;
/** The most terms of a selector. */
export const MAX_SELECTOR_TERMS = 16;

/** One condition on metadata. */
export type SelectorTerm =
  | { readonly operator: "in"; readonly key: string; readonly values: readonly string[] }
  | { readonly operator: "notIn"; readonly key: string; readonly values: readonly string[] }
  | { readonly operator: "exists"; readonly key: string }
  | { readonly operator: "absent"; readonly key: string };

/** Conditions of which all must hold; none always holds. */
export type Selector = readonly SelectorTerm[];

/** A selector that cannot be read: where, what was expected, what was found. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
  /** The character at which reading stopped, from 0. */
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is SelectorError {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "SelectorError"
    );
  }
}

/**
 * Reads `a=b,c!=d,e in (x,y),e notin (x),f,!g`. A key is one or more of letters, digits, `.`, `_`, `-` and `/`; a value the same, or empty. `!=` and
 * `notin` also hold where the key is absent. Throws {@link SelectorError}, also for reserved keys and beyond the limits.
 */
export function parseSelector(text: string): Selector {
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes > MAX_SELECTOR_BYTES) {
    throw new SelectorError(
      `a selector has at most ${MAX_SELECTOR_BYTES} bytes, found ${bytes}`,
      MAX_SELECTOR_BYTES,
    );
  }
  if (text.trim() === "") return [];
  const reader = new Reader(text);
  const terms: SelectorTerm[] = [];
  do {
    if (terms.length === MAX_SELECTOR_TERMS) throw reader.error(`at most ${MAX_SELECTOR_TERMS} terms`);
    terms.push(readTerm(reader));
  } while (reader.take(","));
  if (!reader.atEnd()) throw reader.error('"," or the end of the selector');
  return terms;
}

/** Whether metadata meets every term. */
export function matchesSelector(selector: Selector, metadata: Readonly<Record<string, string>>): boolean {
  return selector.every((term) => {
    const value = Object.hasOwn(metadata, term.key) ? metadata[term.key] : undefined;
    switch (term.operator) {
      case "exists":
        return value !== undefined;
      case "absent":
        return value === undefined;
      case "in":
        return value !== undefined && term.values.includes(value);
      case "notIn":
        return value === undefined || !term.values.includes(value);
    }
  });
}

function readTerm(reader: Reader): SelectorTerm {
  if (reader.take("!")) return { operator: "absent", key: readKey(reader) };
  const key = readKey(reader);
  if (reader.take("!=")) return { operator: "notIn", key, values: [reader.word()] };
  if (reader.take("==") || reader.take("=")) return { operator: "in", key, values: [reader.word()] };
  if (reader.takeWord("in")) return { operator: "in", key, values: readValues(reader) };
  if (reader.takeWord("notin")) return { operator: "notIn", key, values: readValues(reader) };
  return { operator: "exists", key };
}

function readKey(reader: Reader): string {
  const at = reader.position;
  const key = reader.word();
  if (key === "") throw reader.error("a key (letters, digits, . _ - /)");
  if (RESERVED_METADATA_KEYS.includes(key))
    throw new SelectorError(
      `at character ${at + 1}: the key "${key}" is reserved and cannot be selected by`,
      at,
    );
  return key;
}

function readValues(reader: Reader): readonly string[] {
  if (!reader.take("(")) throw reader.error('"(" and the values');
  const values: string[] = [];
  do values.push(reader.word());
  while (reader.take(","));
  if (!reader.take(")")) throw reader.error('"," or ")"');
  return values;
}

/** Reads a selector from left to right, skipping white space between its parts. */
class Reader {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#skipSpace();
    return this.position >= this.#text.length;
  }

  take(symbol: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(symbol, this.position)) return false;
    this.position += symbol.length;
    return true;
  }

  /** Takes a keyword that ends where it ends. */
  takeWord(keyword: string): boolean {
    this.#skipSpace();
    const before = this.position;
    if (this.word() === keyword) return true;
    this.position = before;
    return false;
  }

  /** The key or value here; empty when there is none. */
  word(): string {
    this.#skipSpace();
    const word = /^[\p{L}\p{N}._/-]*/u.exec(this.#text.slice(this.position))?.[0] ?? "";
    this.position += word.length;
    return word;
  }

  error(expected: string): SelectorError {
    const rest = this.#text.slice(this.position);
    const found = rest === "" ? "the end of the selector" : `"${rest.slice(0, 20)}"`;
    return new SelectorError(
      `at character ${this.position + 1}: expected ${expected}, found ${found}`,
      this.position,
    );
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.position] ?? "")) this.position += 1;
  }
}
