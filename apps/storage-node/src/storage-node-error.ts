/** What an operator has to put right before the node can start: the message is all that is needed. */
export class StorageNodeError extends Error {
  override readonly name = "StorageNodeError";

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(value: unknown): value is StorageNodeError {
    return (value as { name?: unknown } | null | undefined)?.name === "StorageNodeError";
  }
}
