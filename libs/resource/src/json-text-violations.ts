import type { FieldViolation } from "./api-error.ts";

/** An object of the text that has not ended yet, and the keys that it had so far. */
interface OpenObject {
  readonly path: string;
  readonly keys: Set<string>;
  /** The path of the value that comes next. */
  at: string;
  isKeyNext: boolean;
}

interface OpenArray {
  readonly path: string;
  readonly keys?: undefined;
  index: number;
}

/** Strings, and what opens, closes and parts values; numbers and words in between mean nothing here. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/gs;
/** UTF-8 has no surrogates: only an escape can bring half of a pair. */
const ESCAPED_SURROGATE = /\\u[dD][89a-fA-F]/;

const TWICE = "is given twice; give it once";
const HALF = "must be Unicode text, found half of a surrogate pair; send both halves, or neither";

/**
 * What `JSON.parse` takes of a text and no reader should, at most `limit` of it, by its path: a key that an object has twice, of which it keeps the last
 * (RFC 8259 §4), and text with half of a surrogate pair (§8.2), of which others make U+FFFD. Two readers of one request may understand different things
 * then. `text` must be JSON.
 */
export function jsonTextViolations(text: string, limit: number): readonly FieldViolation[] {
  const found: FieldViolation[] = [];
  const open: (OpenObject | OpenArray)[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const inner = open.at(-1);
    switch (token) {
      case "{":
        open.push({ path: pathOf(inner), keys: new Set(), at: "", isKeyNext: true });
        break;
      case "[":
        open.push({ path: pathOf(inner), index: 0 });
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",":
        if (inner?.keys !== undefined) inner.isKeyNext = true;
        else if (inner !== undefined) inner.index += 1;
        break;
      default: {
        const isNew = inner?.keys === undefined || !inner.isKeyNext || takeKey(inner, token);
        const description = isNew ? (isHalf(token) ? HALF : undefined) : TWICE;
        if (description !== undefined) found.push({ field: pathOf(inner).toWellFormed(), description });
        if (found.length >= limit) return found;
      }
    }
  }
  return found;
}

/** Notes the key; false when the object had it already. */
function takeKey(object: OpenObject, token: string): boolean {
  const key = JSON.parse(token) as string;
  object.isKeyNext = false;
  object.at = object.path === "" ? key : `${object.path}.${key}`;
  const isNew = !object.keys.has(key);
  object.keys.add(key);
  return isNew;
}

function isHalf(token: string): boolean {
  return ESCAPED_SURROGATE.test(token) && !(JSON.parse(token) as string).isWellFormed();
}

function pathOf(outer: OpenObject | OpenArray | undefined): string {
  if (outer === undefined) return "";
  return outer.keys === undefined ? `${outer.path}[${outer.index}]` : outer.at;
}
