import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type YAMLMap,
} from "yaml";

import type { Place } from "./problem.ts";

/** One manifest in a file: the parsed syntax, with the position of every part. */
export interface ManifestDocument {
  readonly file: string;
  /** Which resource of the file it is, from 1. */
  readonly position: number;
  readonly document: Document;
  readonly lines: LineCounter;
  /** The manifest's own node: the document's, or an item of the document's list. */
  readonly root: Node;
}

/** Line and column of a character of the file. */
export function placeOf({ file, lines }: Pick<ManifestDocument, "file" | "lines">, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

/** The node that an alias stands for; other nodes stand for themselves. */
export function resolveNode(document: Document, node: unknown): Node | undefined {
  if (isAlias(node)) return node.resolve(document);
  return isScalar(node) || isMap(node) || isSeq(node) ? node : undefined;
}

/** Where a node begins; `fallback` for one that is not in the text. */
export function offsetOf(node: unknown, fallback: number): number {
  const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0] ?? fallback;
}

/** YAML 1.1's key for the entries of another map, which YAML 1.2 does not have. */
export const MERGE_KEY = "<<";
/** What to do instead. */
export const MERGE_ADVICE = "merge keys are not read; write the fields out";

/** An entry of a map whose key is text. */
export interface Entry {
  readonly key: string;
  /** Where the key stands. */
  readonly offset: number;
  /** As written: an alias is not resolved. Null for a key without a value. */
  readonly value: unknown;
}

/** The entries of a map; keys that are numbers or booleans are taken as written. */
export function entriesOf(map: YAMLMap): readonly Entry[] {
  return map.items.map((pair: Pair) => ({
    key: keyText(pair.key),
    offset: offsetOf(pair.key, offsetOf(map, 0)),
    value: pair.value,
  }));
}

/** A scalar's value; `-0` is the number, since integers are bigints, which have no such zero. */
export function scalarValue(node: unknown): unknown {
  if (!isScalar(node)) return undefined;
  return node.value === 0n && node.source?.startsWith("-") === true ? -0 : node.value;
}

/** Whether a value is written as nothing: `key:` or `key: null`. */
export function isNothing(document: Document, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  const node = resolveNode(document, value);
  return isScalar(node) && (node.value === null || node.value === undefined);
}

/** A key as it is compared: numbers and booleans as written. */
export function keyText(key: unknown): string {
  if (!isScalar(key)) return String(key);
  if (typeof key.value === "string") return key.value;
  return key.source ?? String(key.value);
}

/** What stands there, in words: `the number 80`, `a list`. */
export function foundText(document: Document, value: unknown): string {
  const node = resolveNode(document, value);
  if (isMap(node)) return "a map";
  if (isSeq(node)) return "a list";
  if (!isScalar(node) || node.value === null || node.value === undefined) return "nothing";
  const { value: scalar } = node;
  if (typeof scalar === "string") return `the string ${JSON.stringify(clip(scalar))}`;
  if (typeof scalar === "boolean") return `${scalar}`;
  if (typeof scalar === "number" || typeof scalar === "bigint")
    return `the number ${clip(node.source ?? String(scalar))}`;
  return "a value of another kind";
}

/** How much of a found value an error shows, in characters. */
const SHOWN_CHARACTERS = 40;

function clip(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS - 1)}…`;
}
