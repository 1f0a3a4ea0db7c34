/** A place in a manifest file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a manifest. */
export interface Problem {
  /** The character in the file's text, from 0. */
  readonly offset: number;
  /** The field that people see there (`data.ports[0].targetPort`); empty for the manifest as a whole. */
  readonly path: string;
  /** What was expected, what was found. */
  readonly message: string;
}

/** `file:line:column`, which editors and terminals make a link of. */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** `data.ports: expected a list, found a string`. */
export function problemLine({ path, message }: Pick<Problem, "path" | "message">): string {
  return path === "" ? message : `${path}: ${message}`;
}
