/** The project of `jest.config.js` that runs every spec without a wire: a mutant's, unless its head names another. */
export const DEFAULT_PROJECT = "in process";

/**
 * One mutant: a patch that breaks the product on purpose, and the test that must notice. The lines before the first `diff` or `---` say
 * which: `Killed-by:` the spec file and the test's name after `::`, `Breaks:` what is wrong with it, in words; and `Project:`, a project of
 * `jest.config.js`, for what is only noticed there.
 */
export interface Mutant {
  /** The patch's path in the repository. */
  readonly file: string;
  readonly spec: string;
  /** A test of the spec, as jest's `--testNamePattern` finds it: a case's number, or the words of the name. */
  readonly test: string;
  readonly project: string;
  readonly breaks: string;
}

/** Reads a mutant's head. Throws an Error that names the file and what is missing. */
export function readMutant(file: string, text: string): Mutant {
  const head = text.split(/^(?:diff |--- )/m, 1)[0] ?? "";
  const killedBy = /^Killed-by:\s*(\S+)\s*::\s*(.+?)\s*$/m.exec(head);
  const project = /^Project:\s*(.+?)\s*$/m.exec(head);
  const breaks = /^Breaks:\s*(.+?)\s*$/m.exec(head);
  if (killedBy === null || breaks === null) {
    throw new Error(`${file}: expected lines "Killed-by: SPEC :: TEST" and "Breaks: …" before the patch`);
  }
  return {
    file,
    spec: killedBy[1] ?? "",
    test: killedBy[2] ?? "",
    project: project?.[1] ?? DEFAULT_PROJECT,
    breaks: breaks[1] ?? "",
  };
}

/** What became of a mutant. Only `killed` is good. */
export type Verdict =
  | { readonly kind: "killed" }
  /** The test passes all the same: it cannot see this defect. */
  | { readonly kind: "survived" }
  /** The patch does not fit the source any more. */
  | { readonly kind: "stale"; readonly output: string }
  /** No test has that name, or it fails without the mutant. */
  | { readonly kind: "unusable"; readonly output: string };
