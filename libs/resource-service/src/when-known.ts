/** What may be known at once. To wait for what is known takes several turns of the queue of promises, and most questions of a call are answered at once. */
export type Known<T> = T | Promise<T>;

/** Goes on with what is known, at once where it is known at once. */
export function whenKnown<T, U>(known: Known<T>, then: (known: T) => Known<U>): Known<U> {
  return known instanceof Promise ? known.then(then) : then(known);
}
