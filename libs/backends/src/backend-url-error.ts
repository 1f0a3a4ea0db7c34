/** A backend URL that cannot be opened: what was expected, what was found. */
export class BackendUrlError extends Error {
  override readonly name = "BackendUrlError";

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is BackendUrlError {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "BackendUrlError"
    );
  }
}
