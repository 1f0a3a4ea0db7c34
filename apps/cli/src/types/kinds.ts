import { usageError } from "../errors.ts";
import type { KnownType } from "./known-type.ts";
import { alternatives, nearest } from "./nearest.ts";

/**
 * The type that a word names: `group.version.Kind`, or a kind, its plural or a short name where only one type has it; in any case of
 * letters. Throws a usage error that lists the candidates, or the nearest names.
 */
export function resolveKind(word: string, types: readonly KnownType[]): KnownType {
  const wanted = word.toLowerCase();
  const full = types.find(({ gvk }) => gvk.toLowerCase() === wanted);
  if (full !== undefined) return full;
  const [found, ...others] = types.filter((type) => shortForms(type).includes(wanted));
  if (found === undefined) throw unknownKind(word, types);
  if (others.length === 0) return found;
  const candidates = [found, ...others].map(({ gvk }) => gvk);
  throw usageError(
    `"${word}" may be ${listed(candidates)}`,
    `Name one of them in full, as in "${found.gvk}".`,
  );
}

/** The shortest word that names a type again: `service`, or `demo.v1.Artist` where another type has that kind. */
export function kindWord(type: KnownType, types: readonly KnownType[]): string {
  const short = type.kind.toLowerCase();
  const unique = types.filter((other) => shortForms(other).includes(short)).length <= 1;
  return unique ? short : type.gvk;
}

function shortForms(type: KnownType): readonly string[] {
  const kind = type.kind.toLowerCase();
  return [kind, plural(kind), ...type.shortNames.map((name) => name.toLowerCase())];
}

function plural(word: string): string {
  if (/(s|x|ch|sh)$/.test(word)) return `${word}es`;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return `${word}s`;
}

function unknownKind(word: string, types: readonly KnownType[]) {
  const suggestions = nearest(
    word,
    types.flatMap((type) => (word.includes(".") ? [type.gvk] : shortForms(type))),
  );
  const guess = suggestions.length === 0 ? "" : `Did you mean ${alternatives(suggestions)}? `;
  return usageError(`the server knows no type "${word}"`, `${guess}See "trellis types".`);
}

function listed(words: readonly string[]): string {
  return words.length <= 1 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
}
