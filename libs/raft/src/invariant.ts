/**
 * What cannot happen has happened: a defect of this library, a driver that broke the Ready contract, or storage that lost what
 * it had acknowledged. The state is not to be trusted any more; the driver must stop the node.
 */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";

  /** Recognises the class across realms and copies of this package, where `instanceof` does not. */
  static is(error: unknown): error is InvariantViolation {
    return (
      typeof error === "object" && error !== null && "name" in error && error.name === "InvariantViolation"
    );
  }
}

/** Reports a broken invariant. Assertions stay on in production, so callers test first and build the message only then. */
export function violated(message: string): never {
  throw new InvariantViolation(message);
}
