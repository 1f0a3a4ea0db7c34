import type { Condition, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { type Awaited, stateText } from "./awaited.ts";

/** What one look at a resource says. */
export interface Verdict {
  readonly met: boolean;
  /** What was seen, in words, for whoever waited in vain. */
  readonly seen: string;
}

/** Judges a resource, undefined when it is not there. A condition counts only when its status observed the resource's current generation. */
export function verdictOn(resource: Resource | undefined, awaited: Awaited): Verdict {
  if (awaited.kind === "deleted")
    return { met: resource === undefined, seen: resource === undefined ? "it is gone" : "it is still there" };
  if (resource === undefined) return { met: false, seen: "it is not there" };
  const found = conditionsOf(resource, awaited.key, awaited.type);
  const met = found.find(({ current, condition }) => current && condition.state === awaited.state);
  if (met !== undefined) return { met: true, seen: conditionText(met.condition) };
  const [last] = [...found].sort((a, b) => Number(b.current) - Number(a.current));
  if (last === undefined) return { met: false, seen: nothingText(resource, awaited) };
  return {
    met: false,
    seen: `${conditionText(last.condition)}${last.current ? "" : ", as of an older generation"}`,
  };
}

interface FoundCondition {
  readonly condition: Condition;
  /** The status observed the current generation. */
  readonly current: boolean;
}

function conditionsOf(resource: Resource, key: string | undefined, type: string): readonly FoundCondition[] {
  return Object.entries(resource.status)
    .filter(([one]) => key === undefined || one === key)
    .flatMap(([, { observedGeneration, conditions }]) =>
      conditions
        .filter((condition) => condition.type === type)
        .map((condition) => ({ condition, current: observedGeneration === resource.generation })),
    );
}

function conditionText({ type, state, reason, message }: Condition): string {
  const why = reason !== "" ? reason : message;
  return `${type} is ${stateText(state)}${why === "" ? "" : ` (${why})`}`;
}

function nothingText(
  resource: Resource,
  { key, type }: { readonly key: string | undefined; readonly type: string },
): string {
  const names = Object.entries(resource.status).flatMap(([one, { conditions }]) =>
    conditions.map((condition) => `${one}:${condition.type}`),
  );
  const wanted = key === undefined ? type : `${key}:${type}`;
  return `it has no condition ${wanted}${names.length === 0 ? "; it has none at all" : `; it has ${names.join(", ")}`}`;
}
