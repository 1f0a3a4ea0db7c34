import type { Violation } from "@trellis/registry";

import { parseVersion } from "../call.ts";
import { badRequest } from "./failure.ts";

/** A request's query parameters, checked: only known ones, each at most once. */
export interface Query {
  /** The parameter's text; undefined when it is absent. */
  text(name: string): string | undefined;
  /** True when the parameter is there without a value or with `true`. */
  flag(name: string): boolean;
  /** A whole number from 0 to 2^31 - 1; undefined when it is absent. */
  count(name: string): number | undefined;
}

const MAX_COUNT = 0x7fff_ffff;

/** What a flag may be; absent means no. */
const FLAG_VALUES: ReadonlyMap<string, boolean> = new Map([
  ["", true],
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** Parameters that restrict what a request may touch: without a value they would not, and a script with an empty variable would do more than it means to. */
const NEVER_EMPTY = ["version", "uid", "since"];

/** The rule that a parameter's text must meet, by its place in the lists of {@link readQuery}. */
interface Allowed {
  readonly texts?: readonly string[];
  /** Texts that must be store versions. */
  readonly versions?: readonly string[];
  readonly flags?: readonly string[];
  readonly counts?: readonly string[];
}

/** Reads the query. Throws InvalidArgument with everything that is wrong with it. */
export function readQuery(url: URL, allowed: Allowed): Query {
  const { texts = [], versions = [], flags = [], counts = [] } = allowed;
  const known = [...texts, ...versions, ...flags, ...counts];
  const values = new Map<string, string>();
  const violations: Violation[] = [];
  for (const [name, value] of url.searchParams) {
    const description = values.has(name)
      ? "is given twice; give it once"
      : faultOf(name, value, { versions, flags, counts }, known);
    if (description !== undefined) violations.push({ field: `query.${name}`, description });
    values.set(name, value);
  }
  if (violations.length > 0) throw badRequest("INVALID_REQUEST", violations);
  return {
    text: (name) => values.get(name),
    flag: (name) => isFlagSet(values.get(name) ?? "false"),
    count: (name) => (values.has(name) ? Number(values.get(name)) : undefined),
  };
}

/** Whether a flag's text says yes. */
export function isFlagSet(value: string): boolean {
  return FLAG_VALUES.get(value) ?? false;
}

function faultOf(
  name: string,
  value: string,
  { versions, flags, counts }: Required<Omit<Allowed, "texts">>,
  known: readonly string[],
): string | undefined {
  if (name.endsWith("token") && !known.includes(name))
    return "credentials do not belong into a URL: send an Authorization header";
  if (!known.includes(name))
    return `is not known here; known: ${known.length === 0 ? "none" : known.join(", ")}`;
  if (value === "" && NEVER_EMPTY.includes(name)) return "is empty; name one, or leave it out";
  if (versions.includes(name) && parseVersion(value) === undefined)
    return `must be a decimal version as an answer gave it, found "${value}"`;
  if (flags.includes(name) && !FLAG_VALUES.has(value)) return `must be true or false, found "${value}"`;
  if (counts.includes(name) && !(/^\d{1,10}$/.test(value) && Number(value) <= MAX_COUNT)) {
    return `must be a whole number from 0 to ${MAX_COUNT}, found "${value}"`;
  }
  return undefined;
}
