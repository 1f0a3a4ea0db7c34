/** What a key holds: the name of a content, unique to the write that left it there; {@link ABSENT} for nothing. */
export type Value = string;
export const ABSENT: Value = "";

/** What one client did to one key, and what it was told. */
export interface KeyOperation {
  /** Moments of the history: it took effect between the two, if at all. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** True when nobody knows whether it took effect: it may have, at any time after it began, or never. */
  readonly isOptional: boolean;
  /** What the key holds after it; undefined when the answer that was given is wrong for what the key held before. */
  readonly step: (before: Value) => Value | undefined;
  readonly what: string;
}

/** Whether some order explains the answers. `undecided`: the search had to be given up. */
export type Verdict =
  | { readonly kind: "linearizable" | "undecided" }
  /** `stuck`: an operation that no order that was tried gets past, further than which none gets. */
  | { readonly kind: "violation"; readonly stuck: KeyOperation };

/** States of one search beyond which it is given up. */
const MAX_STATES = 100_000;

interface State {
  /** All mandatory operations before this one are done. */
  readonly first: number;
  /** Further mandatory ones that are done, ascending. */
  readonly ahead: readonly number[];
  /** Optional ones that took effect, ascending. */
  readonly optional: readonly number[];
  readonly value: Value;
  /** What the key held before the last one, if that was optional: it counts only if the next one needs it, or it might as well come later. */
  readonly before: Value | undefined;
}

/**
 * Looks for an order of the operations that real time allows (what ended before another began comes before it), and in which every answer is right
 * (Herlihy and Wing, "Linearizability", 1990). The search is that of Wing and Gong (1993) with Lowe's memory of the states that led nowhere (2017).
 */
export function searchOrder(operations: readonly KeyOperation[]): Verdict {
  const byStart = operations.toSorted((a, b) => a.startedAt - b.startedAt);
  const mandatory = byStart.filter(({ isOptional }) => !isOptional);
  const optional = byStart.filter(({ isOptional }) => isOptional);
  const seen = new Set<string>();
  const open: State[] = [{ first: 0, ahead: [], optional: [], value: ABSENT, before: undefined }];
  let furthest = 0;
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (state.first === mandatory.length) return { kind: "linearizable" };
    furthest = Math.max(furthest, state.first);
    const name = nameOf(state);
    if (seen.has(name)) continue;
    if (seen.size >= MAX_STATES) return { kind: "undecided" };
    seen.add(name);
    // The last one pushed is tried first: one that has to be done, the soonest, before one that may never have been.
    open.push(...withOptional(state, mandatory, optional), ...withMandatory(state, mandatory).reverse());
  }
  return { kind: "violation", stuck: mandatory[furthest] as KeyOperation };
}

function nameOf({ first, ahead, optional, value, before }: State): string {
  return `${first}|${ahead.join()}|${optional.join()}|${value}|${before ?? "-"}`;
}

/** What the key holds after an operation; undefined when it cannot come next, or need not because it could as well have come one earlier. */
function valueAfter({ value, before }: State, { step }: KeyOperation): Value | undefined {
  const next = step(value);
  if (next === undefined || before === undefined) return next;
  const earlier = step(before);
  const isInTheWay = earlier === next || (earlier === before && next === value);
  return isInTheWay ? undefined : next;
}

/** The moment before which whatever comes next must have begun: the first end of what is not done. */
function firstEnd({ first, ahead }: State, mandatory: readonly KeyOperation[]): number {
  let end = Number.POSITIVE_INFINITY;
  for (let at = first; at < mandatory.length; at++) {
    const operation = mandatory[at] as KeyOperation;
    if (operation.startedAt > end) break;
    if (!ahead.includes(at)) end = Math.min(end, operation.endedAt);
  }
  return end;
}

function withMandatory(state: State, mandatory: readonly KeyOperation[]): State[] {
  const end = firstEnd(state, mandatory);
  const states: State[] = [];
  for (let at = state.first; at < mandatory.length; at++) {
    const operation = mandatory[at] as KeyOperation;
    if (operation.startedAt > end) break;
    if (state.ahead.includes(at)) continue;
    const value = valueAfter(state, operation);
    if (value !== undefined) states.push({ ...done(state, at), value, before: undefined });
  }
  return states;
}

function done(state: State, at: number): State {
  if (at !== state.first) return { ...state, ahead: [...state.ahead, at].sort((a, b) => a - b) };
  let first = at + 1;
  while (state.ahead.includes(first)) first++;
  return { ...state, first, ahead: state.ahead.filter((one) => one > first) };
}

function withOptional(
  state: State,
  mandatory: readonly KeyOperation[],
  optional: readonly KeyOperation[],
): State[] {
  const end = firstEnd(state, mandatory);
  const states: State[] = [];
  for (const [at, operation] of optional.entries()) {
    if (operation.startedAt > end) break;
    if (state.optional.includes(at)) continue;
    const value = valueAfter(state, operation);
    if (value === undefined || value === state.value) continue;
    const used = [...state.optional, at].sort((a, b) => a - b);
    states.push({ ...state, optional: used, value, before: state.value });
  }
  return states;
}
