import {
  Composer,
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
  visit,
  type YAMLParseError,
} from "yaml";

import { keyText, type ManifestDocument, offsetOf, placeOf } from "./document.ts";
import { MAX_ALIASES, MAX_DOCUMENTS } from "./limits.ts";
import type { Place } from "./problem.ts";

const TOO_DEEP = "the values are nested too deeply to be read";

/** How much of a key an error shows, in characters. */
const MAX_KEY_CHARACTERS = 64;

/** A part of a file that cannot be read as a manifest. */
export interface BrokenManifest {
  readonly place: Place;
  readonly message: string;
}

/** What a file holds, in its order. */
export interface ParsedFile {
  readonly manifests: readonly ManifestDocument[];
  readonly broken: readonly BrokenManifest[];
}

/**
 * Reads a file's text: YAML or JSON (which YAML contains), several documents apart by `---`, each one manifest or a list of them. What cannot be
 * read is told with its place, and the rest of the file is read all the same.
 */
export function parseManifests(file: string, text: string): ParsedFile {
  const lines = new LineCounter();
  const manifests: ManifestDocument[] = [];
  const broken: BrokenManifest[] = [];
  const fail = (offset: number, message: string) =>
    broken.push({ place: placeOf({ file, lines }, offset), message });
  try {
    for (const document of documentsOf(text, lines)) {
      const problem = documentProblem(document, file, text);
      if (problem !== undefined) {
        fail(problem.offset, problem.message);
        continue;
      }
      for (const root of rootsOf(document)) {
        if (manifests.length + broken.length >= MAX_DOCUMENTS) {
          fail(offsetOf(root, 0), `expected at most ${MAX_DOCUMENTS} resources in one file; split it`);
          return { manifests, broken };
        }
        manifests.push({ file, position: manifests.length + 1, document, lines, root });
      }
    }
  } catch (error) {
    if ((error as { name?: unknown }).name !== "RangeError") throw error;
    fail(0, TOO_DEEP);
  }
  return { manifests, broken };
}

function* documentsOf(text: string, lines: LineCounter): Generator<Document.Parsed> {
  const composer = new Composer({
    lineCounter: lines,
    intAsBigInt: true,
    keepSourceTokens: false,
    prettyErrors: false,
    uniqueKeys: (a: unknown, b: unknown) =>
      a === b || (isScalar(a) && isScalar(b) && keyText(a) === keyText(b)),
  } as object);
  const tokens = new Parser(lines.addNewLine).parse(text);
  yield* composer.compose(tokens) as Generator<Document.Parsed>;
}

interface DocumentProblem {
  readonly offset: number;
  readonly message: string;
}

function documentProblem(document: Document.Parsed, file: string, text: string): DocumentProblem | undefined {
  const [error] = document.errors;
  if (error !== undefined) return syntaxProblem(error, file, text);
  try {
    document.toJS({ maxAliasCount: MAX_ALIASES });
    return undefined;
  } catch (cause) {
    if ((cause as { name?: unknown }).name === "RangeError") throw cause;
    return aliasProblem(document);
  }
}

function syntaxProblem(error: YAMLParseError, file: string, text: string): DocumentProblem {
  const [offset] = error.pos;
  if (error.code === "DUPLICATE_KEY") {
    const key =
      /^"(?:[^"\\]|\\.)*"|^[^\s:,{}]+/.exec(text.slice(offset, offset + MAX_KEY_CHARACTERS))?.[0] ?? "";
    return { offset, message: `the key ${key.replaceAll('"', "")} stands twice; remove one` };
  }
  // The parser goes down into nested values by recursion.
  if (/call stack/.test(error.message)) return { offset, message: TOO_DEEP };
  const language = /\.json$/i.test(file) ? "JSON" : "YAML";
  return {
    offset,
    message: `this is not ${language}: ${lowerFirst(error.message.split("\n")[0] ?? "")}`,
  };
}

/** Finds the alias that stands for nothing; without one there are too many. */
function aliasProblem(document: Document.Parsed): DocumentProblem {
  let unresolved: DocumentProblem | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      unresolved = {
        offset: offsetOf(alias, 0),
        message: `the alias *${alias.source} stands for nothing: no &${alias.source} comes before it`,
      };
      return visit.BREAK;
    },
  });
  return (
    unresolved ?? {
      offset: offsetOf(document.contents, 0),
      message: `expected at most ${MAX_ALIASES} uses of aliases; write the values out`,
    }
  );
}

/** The manifests of a document: none in an empty one. */
function rootsOf(document: Document): readonly Node[] {
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (isSeq(contents))
    return contents.items.filter((item): item is Node => isMap(item) || isScalar(item) || isSeq(item));
  return [contents as Node];
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
