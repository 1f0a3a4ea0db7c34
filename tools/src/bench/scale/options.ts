import { numberFlag, readFlags, UsageError } from "../../flags.ts";

/** What can be measured, in the order in which it is: those that need the large store first. */
export const PARTS = [
  "cost",
  "memory",
  "list",
  "snapshot",
  "restart",
  "watchers",
  "types",
  "follower",
] as const;
export type Part = (typeof PARTS)[number];

/** The command line. */
export const flags = {
  resources: { value: "N", help: "resources in the large store", default: "1000000" },
  only: { value: "PARTS", help: `only these parts, with commas between: ${PARTS.join(", ")}` },
  json: { value: "FILE", help: "also write the figures there" },
} as const;

/** The small store of `cost`: a larger one is compared with it. */
export const SMALL_STORE = 1_000;
const MOST_RESOURCES = 10_000_000;

/** What a command line asks for. */
export interface ScaleOptions {
  readonly resources: number;
  readonly parts: readonly Part[];
  readonly json: string | undefined;
}

/** Reads the command line. Throws a UsageError that says what was expected. */
export function readOptions(args: readonly string[]): ScaleOptions {
  const { resources, only, json } = readFlags(args, flags);
  return {
    resources: numberFlag("resources", resources, { min: SMALL_STORE, max: MOST_RESOURCES }),
    parts: only === undefined ? PARTS : chooseParts(only.split(",")),
    json,
  };
}

function chooseParts(words: readonly string[]): readonly Part[] {
  for (const word of words) {
    if (!PARTS.some((part) => part === word))
      throw new UsageError(`--only: expected names of ${PARTS.join(", ")}; found "${word}"`);
  }
  return PARTS.filter((part) => words.includes(part));
}

/** How many are stored when `cost` is measured: 1,000, 100,000, and all; each once. */
export function costSteps(resources: number): readonly number[] {
  const MIDDLE = 100_000;
  return [...new Set([SMALL_STORE, Math.min(MIDDLE, resources), resources])];
}
