/** Fails loudly when something that cannot happen did: a mistake in this package. Stays on in production; stops the node. */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`broken invariant of the node: ${what}`);
}
