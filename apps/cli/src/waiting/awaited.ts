import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { usageError } from "../errors.ts";

/** What `wait` waits for. */
export type Awaited =
  | { readonly kind: "deleted" }
  | {
      readonly kind: "condition";
      readonly key: string | undefined;
      readonly type: string;
      readonly state: Condition_State;
    };

const STATES = {
  TRUE: Condition_State.TRUE,
  FALSE: Condition_State.FALSE,
  UNKNOWN: Condition_State.UNKNOWN,
} as const;

/** Reads `deleted` or `condition=[KEY:]TYPE[=STATE]`; the state is TRUE unless said otherwise. Throws a usage error. */
export function parseAwaited(text: string): Awaited {
  if (text === "deleted") return { kind: "deleted" };
  const condition = /^condition=(.+)$/.exec(text)?.[1];
  if (condition === undefined) {
    throw usageError(
      `--for "${text}" is neither a condition nor "deleted"`,
      "Write --for=condition=[KEY:]TYPE[=STATE] or --for=deleted.",
    );
  }
  const [, name = "", stateText] = /^(.*?)(?:=([^=]*))?$/.exec(condition) ?? [];
  // An optional group that did not take part is absent, not empty.
  const state =
    stateText === undefined ? Condition_State.TRUE : STATES[stateText.toUpperCase() as keyof typeof STATES];
  if (state === undefined)
    throw usageError(
      `--for "${text}": "${stateText}" is no state of a condition`,
      "A state is TRUE, FALSE or UNKNOWN.",
    );
  const colon = name.lastIndexOf(":");
  const type = name.slice(colon + 1);
  if (type === "")
    throw usageError(`--for "${text}" names no condition`, "Write --for=condition=[KEY:]TYPE[=STATE].");
  return { kind: "condition", key: colon < 0 ? undefined : name.slice(0, colon), type, state };
}

/** A state as people write it: TRUE. */
export function stateText(state: Condition_State): string {
  return Object.entries(STATES).find(([, value]) => value === state)?.[0] ?? String(state);
}
