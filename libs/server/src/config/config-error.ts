/** A configuration that cannot be used: one line per fault, each with its key, where it came from, what was expected and found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }

  /** Recognises the class across realms. */
  static is(error: unknown): error is ConfigError {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "ConfigError"
    );
  }
}
