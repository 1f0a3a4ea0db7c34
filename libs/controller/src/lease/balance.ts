import type { PresentMember } from "./lease-judge.ts";

/** How much more one may hold than another without handing anything back. */
const FAIR_DIFFERENCE = 1;

/** What this process holds, and who else is there. */
export interface Shares {
  /** What it holds, in the order in which it took it, by the names that candidates go by. */
  readonly held: readonly { readonly name: string; readonly candidate: string }[];
  readonly others: readonly PresentMember[];
}

/**
 * The lease to hand back because another that would hold it has too few; undefined when shares are fair. Where all would hold the same, shares differ by one at most once nobody has
 * any to hand back: each that is moved lessens the sum of their squares. What was taken last goes first, because least was done under it.
 */
export function leaseToHandBack({ held, others }: Shares): string | undefined {
  const poor = others.filter(({ holds }) => held.length - holds > FAIR_DIFFERENCE);
  const wanted = new Set(poor.flatMap(({ candidates }) => candidates));
  return held.findLast(({ candidate }) => wanted.has(candidate))?.name;
}
