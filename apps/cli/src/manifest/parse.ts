import { Composer, type Document, isMap, isScalar, isSeq, LineCounter, type Node, Parser } from "yaml";

import { type ManifestDocument, offsetOf, placeOf } from "./document.ts";
import { MAX_ALIASES, MAX_DOCUMENTS } from "./limits.ts";
import { type Place, problemLine } from "./problem.ts";

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
      const problem = documentProblem(document);
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
    // The parser goes down into nested values by recursion.
    if ((error as { name?: unknown }).name !== "RangeError") throw error;
    fail(0, "the values are nested too deeply to be read");
  }
  return { manifests, broken };
}

function* documentsOf(text: string, lines: LineCounter): Generator<Document.Parsed> {
  const composer = new Composer({
    lineCounter: lines,
    intAsBigInt: true,
    keepSourceTokens: false,
    prettyErrors: false,
  } as object);
  const tokens = new Parser(lines.addNewLine).parse(text);
  yield* composer.compose(tokens) as Generator<Document.Parsed>;
}

function documentProblem(document: Document.Parsed): { offset: number; message: string } | undefined {
  const [error] = document.errors;
  if (error !== undefined)
    return {
      offset: error.pos[0],
      message: `this is not YAML: ${lowerFirst(error.message.split("\n")[0] ?? "")}`,
    };
  try {
    document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    const offset = offsetOf(document.contents, 0);
    if ((cause as { name?: unknown }).name === "RangeError") throw cause;
    return {
      offset,
      message: `expected at most ${MAX_ALIASES} uses of aliases, or an alias stands for nothing; write the values out`,
    };
  }
  return undefined;
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
  return problemLine({
    path: "",
    message: /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text,
  });
}
