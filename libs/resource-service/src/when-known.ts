/** What may be known at once. To wait for what is known takes several turns of the queue of promises, and most questions of a call are answered at once. */
export type Known<T> = T | Promise<T>;

/** Goes on with what is known, at once where it is known at once. */
export function whenKnown<T, U>(known: Known<T>, then: (known: T) => Known<U>): Known<U> {
  return known instanceof Promise ? known.then(then) : then(known);
}

/** The same for what goes on with something else besides, so that it needs no closure: every call of a hot path would make its own. */
export function whenKnownWith<T, With, U>(
  known: Known<T>,
  given: With,
  then: (known: T, given: With) => Known<U>,
): Known<U> {
  return known instanceof Promise ? laterWith(known, given, then) : then(known, given);
}

async function laterWith<T, With, U>(
  known: Promise<T>,
  given: With,
  then: (known: T, given: With) => Known<U>,
): Promise<U> {
  return await then(await known, given);
}
