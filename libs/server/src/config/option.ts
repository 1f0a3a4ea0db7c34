import { type ValueType, yesNo } from "./value-type.ts";

/** How many values an option takes: one, any number, or none on the command line (`--memory`). */
export type Arity = "one" | "many" | "switch";

/** The one declaration of an option: the command line, the environment, the file, the help text and the errors all read it. */
export interface Option<T> {
  readonly arity: Arity;
  readonly type: ValueType<unknown>;
  /** One sentence without a full stop. */
  readonly help: string;
  /** What the help text lists it under. */
  readonly group: string;
  /** Its value when nobody sets it. */
  readonly fallback: T;
  /** The fallback as a user would write it; undefined when there is nothing to show. */
  readonly fallbackText: string | undefined;
}

/** Options by name, in camelCase: `maxBodyBytes` is `--max-body-bytes`, `TRELLIS_MAX_BODY_BYTES`, and `max-body-bytes` in a file. */
export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of options. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never;
};

/** What an option says of itself. */
export interface About {
  readonly help: string;
  readonly group?: string | undefined;
}

const DEFAULT_GROUP = "Options";

/** An option with one value. The default is written as a user would write it; throws when it is not a value of the type. */
export function option<T>(
  type: ValueType<T>,
  about: About & { readonly default: string | number },
): Option<T> {
  const parsed = type.parse(about.default);
  if ("expected" in parsed)
    throw new TypeError(`a default must be ${parsed.expected}, found "${about.default}"`);
  return {
    arity: "one",
    type,
    ...described(about),
    fallback: parsed.value,
    fallbackText: String(about.default),
  };
}

/** An option that may be left out. */
export function optional<T>(type: ValueType<T>, about: About): Option<T | undefined> {
  return { arity: "one", type, ...described(about), fallback: undefined, fallbackText: undefined };
}

/** An option that may be given several times; in the environment its values stand between commas, in a file in a list. */
export function repeated<T>(
  type: ValueType<T>,
  about: About & { readonly default?: readonly T[] },
): Option<readonly T[]> {
  const fallback = about.default ?? [];
  const fallbackText = fallback.length === 0 ? undefined : fallback.join(", ");
  return { arity: "many", type, ...described(about), fallback, fallbackText };
}

/** An option that is on when it is named (`--memory`), and off again by `--no-memory`. */
export function onOff(about: About): Option<boolean> {
  return { arity: "switch", type: yesNo(), ...described(about), fallback: false, fallbackText: undefined };
}

function described(about: About): { help: string; group: string } {
  return { help: about.help, group: about.group ?? DEFAULT_GROUP };
}

/** The name of an option on the command line and in files: `max-body-bytes`. */
export function optionKey(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The environment variable of an option: `TRELLIS_MAX_BODY_BYTES`. */
export function optionVariable(name: string): string {
  return `TRELLIS_${optionKey(name).replaceAll("-", "_").toUpperCase()}`;
}
