import { checkKey, keyText } from "./check-key.ts";
import { StorageError } from "./errors.ts";
import { type Key, keyString } from "./key.ts";
import { MAX_COMMIT_BYTES, MAX_COMMIT_OPERATIONS, type Operation } from "./operation.ts";
import { StandingCheck } from "./standing-check.ts";

/**
 * Checks what every backend demands of a commit before it is evaluated, as {@link checkOperations} does. Returns the operations' key strings, in their order, so that
 * no one computes them twice. Throws `invalid`.
 */
export function checkCommit(operations: readonly Operation[]): readonly string[] {
  checkOperations(operations);
  return operations.map(({ key }) => keyString(key));
}

/** Checks what every backend demands of a commit: its size, legal keys, at most one mutation per key. Throws `invalid`. */
export function checkOperations(operations: readonly Operation[]): void {
  if (operations.length > MAX_COMMIT_OPERATIONS) {
    throw new StorageError(
      "invalid",
      `a commit has at most ${MAX_COMMIT_OPERATIONS} operations, found ${operations.length}; split it`,
    );
  }
  // Most commits have one mutation, and need no set.
  let first: Key | undefined;
  let mutated: Set<string> | undefined;
  let bytes = 0;
  for (const operation of operations) {
    // Its key was looked at when it was made.
    if (operation instanceof StandingCheck) continue;
    const { key } = operation;
    checkKey(key);
    if (operation.kind === "check") continue;
    if (operation.kind === "put") bytes += operation.record.bytes.length;
    if (first === undefined) {
      first = key;
      continue;
    }
    mutated ??= new Set([keyString(first)]);
    const text = keyString(key);
    if (mutated.has(text)) {
      throw new StorageError(
        "invalid",
        `a commit changes a key at most once, found two mutations of ${keyText(key)}; merge them`,
      );
    }
    mutated.add(text);
  }
  if (bytes > MAX_COMMIT_BYTES) {
    throw new StorageError(
      "invalid",
      `the records of a commit have at most ${MAX_COMMIT_BYTES} bytes, found ${bytes}; split it`,
    );
  }
}
