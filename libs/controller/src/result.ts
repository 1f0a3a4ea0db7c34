/**
 * What to do next. Nothing (or `done`): wait for the next change. `after`: run again then, without counting a failure. A throw, or
 * `retry`: run again with backoff. `terminal`: do not run again until something changes.
 */
export type Result =
  | { readonly kind: "done" }
  | { readonly kind: "after"; readonly delayMs: number }
  | { readonly kind: "retry"; readonly error: unknown }
  | { readonly kind: "terminal"; readonly error: unknown };

/** The results by name. */
export const done: Result = { kind: "done" };
/** Runs again after `delayMs`. */
export function after(delayMs: number): Result {
  return { kind: "after", delayMs };
}
/** Runs again with backoff. */
export function retry(error: unknown): Result {
  return { kind: "retry", error };
}
/** Does not run again until something changes. */
export function terminal(error: unknown): Result {
  return { kind: "terminal", error };
}
