import { parseArgs } from "node:util";

import { helpText, numberFlag, UsageError } from "../flags.ts";

/** What `npm run mutants` is asked for. */
export interface MutantsArguments {
  /** Mutants whose path contains one of them; all without any. */
  readonly words: readonly string[];
  /** How many are judged at a time. */
  readonly jobs: number;
}

const DEFAULT_JOBS = 2;
/** Each has a copy of the checkout and a jest of its own. */
const MAX_JOBS = 8;

/** What `--help` prints. */
export const HELP = helpText("npm run mutants -- [flags] [WORD …]   mutants whose path contains a WORD", {
  jobs: { value: "N", help: "how many are judged at a time", default: String(DEFAULT_JOBS) },
});

/** Reads the command line; undefined when it asks for help. Throws a UsageError for one that cannot be used. */
export function readArguments(args: readonly string[]): MutantsArguments | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const jobs = numberFlag("jobs", values.jobs ?? String(DEFAULT_JOBS), { min: 1, max: MAX_JOBS });
  return { words: positionals, jobs };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { jobs: { type: "string" }, help: { type: "boolean" } },
      allowPositionals: true,
    });
  } catch (error) {
    const [reason = ""] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(`${reason}; there are --jobs N, --help and words of paths`);
  }
}
