/** All codes of {@link StorageErrorCode}. */
export const STORAGE_ERROR_CODES = [
  "invalid",
  "unavailable",
  "resource-exhausted",
  "no-space",
  "outcome-unknown",
  "store-changed",
  "version-not-reached",
  "version-gone",
  "history-gone",
  "slow-watcher",
  "watch-closed",
  "unsupported",
  "aborted",
] as const;

/**
 * What went wrong, a closed set. `unavailable`, `resource-exhausted` and `no-space` (the disk is full) mean *not applied*; `outcome-unknown` means that a
 * commit may or may not have been applied. The rest are about reads and watches, or about the caller.
 */
export type StorageErrorCode = (typeof STORAGE_ERROR_CODES)[number];

/** Whether a text is one of the codes. */
export function isStorageErrorCode(text: string): text is StorageErrorCode {
  return (STORAGE_ERROR_CODES as readonly string[]).includes(text);
}

/** The one error class of the storage layer. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;
  /** For `slow-watcher`: the version to resume from. */
  readonly resumeVersion: number | undefined;
  /** For `unavailable`: the replica that was asked does not lead; whoever does is to be asked. */
  readonly isNotLeader: boolean;

  constructor(
    code: StorageErrorCode,
    message: string,
    options?: {
      readonly cause?: unknown;
      readonly resumeVersion?: number | undefined;
      readonly isNotLeader?: boolean | undefined;
    },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.resumeVersion = options?.resumeVersion;
    this.isNotLeader = options?.isNotLeader ?? false;
  }

  /** Recognises the class across realms and copies of this package, where `instanceof` does not. */
  static is(error: unknown): error is StorageError {
    return error instanceof Error || (typeof error === "object" && error !== null)
      ? (error as { name?: unknown }).name === "StorageError" &&
          typeof (error as { code?: unknown }).code === "string"
      : false;
  }
}
