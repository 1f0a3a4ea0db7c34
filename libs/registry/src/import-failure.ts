import { dirname, isAbsolute, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Why a module could not be imported, in one line: where, what, and what to do. `file` is the module. */
export function explainImportFailure(error: unknown, file: string): string {
  const [firstLine = ""] = messageOf(error).split("\n");
  const where = placeOf(error, file);
  const cure = cureOf(error, { message: firstLine, isPlaceKnown: where !== file, file });
  return [`${where}: ${firstLine.trim()}`, ...cure].join("; ");
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  const message =
    typeof error === "object" && error !== null ? (error as { message?: unknown }).message : error;
  return String(message);
}

/** A place in a stack, or above a syntax error: `file:///a/b.ts:3:14`, `/a/b.ts:3`. */
const PLACE = /(file:\/\/\/[^\s()]+?|(?:[A-Za-z]:)?[\\/][^\s():]+?):(\d+)(?::\d+)?(?=[\s)]|$)/gm;

/** The place in the domain's own files where it failed, `FILE:LINE`; the module itself when the error does not know one. */
function placeOf(error: unknown, file: string): string {
  const { stack } = (error ?? {}) as { readonly stack?: unknown };
  const folder = dirname(file) + sep;
  if (typeof stack !== "string") return file;
  for (const [, path = "", line = ""] of stack.matchAll(PLACE)) {
    const found = path.startsWith("file:") ? fileURLToPath(path) : path;
    if (found.startsWith(folder) && !found.slice(folder.length).includes("node_modules"))
      return `${found}:${line}`;
  }
  return file;
}

/** What helps against the failures that are met most. */
function cureOf(
  error: unknown,
  {
    message,
    isPlaceKnown,
    file,
  }: { readonly message: string; readonly isPlaceKnown: boolean; readonly file: string },
): readonly string[] {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    const [, missing = ""] = /Cannot find \w+ '([^']+)'/.exec(message) ?? [];
    return missing.startsWith(".") || isAbsolute(missing)
      ? ["correct the path of the import; one within a package ends in the file's extension (./rules.ts)"]
      : ["install the package, or correct its name"];
  }
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    return [
      "Node leaves types out and compiles nothing: do without enums, namespaces and parameter properties",
    ];
  if (code === "ERR_IMPORT_ATTRIBUTE_MISSING" || code === "ERR_UNKNOWN_FILE_EXTENSION")
    return ["name the module itself: a file that ends in .ts, .js or .mjs"];
  if (/does not provide an export named/.test(message))
    return ["correct the name, or write `import type` for what is only a type"];
  if (name === "SyntaxError" || code === "ERR_INVALID_TYPESCRIPT_SYNTAX") {
    // Node does not tell where in JavaScript it is.
    const where = isPlaceKnown ? "" : ` or in what it imports: node --check ${file} shows the line`;
    return [`correct the syntax there${where}`];
  }
  if (name === "ReferenceError" && /before initialization/.test(message))
    return [
      "two modules that import each other may not use each other while they load: move what both need into a third",
    ];
  // The SDK's own refusals (defineController, defineDomain, resourceType) say what to do.
  return [];
}
