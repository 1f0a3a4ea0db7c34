/** How many causes below an error are looked at. */
const MAX_CAUSES = 8;

/** The storage of this process had to stop, as when its disk failed. Its message is all that a user needs. */
export class StorageStoppedError extends Error {
  override readonly name = "StorageStoppedError";

  constructor(cause: Error) {
    const root = rootOf(cause).message;
    const why = cause.message.includes(root) ? "" : ` (${root})`;
    super(`the storage failed, and with it this server: ${cause.message}${why}`, { cause });
  }

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is StorageStoppedError {
    return (error as { name?: unknown } | null | undefined)?.name === "StorageStoppedError";
  }
}

/** What everything else followed from: what the disk said, above all. */
function rootOf(error: Error): { readonly message: string } {
  let root: { readonly message: string; readonly cause?: unknown } = error;
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    const { cause } = root;
    if (typeof (cause as { message?: unknown } | null | undefined)?.message !== "string") break;
    root = cause as typeof root;
  }
  return root;
}
