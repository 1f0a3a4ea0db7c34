import { StorageError } from "./errors.ts";
import { type Key, keyString, WILDCARD } from "./key.ts";
import { MAX_COMMIT_BYTES, MAX_COMMIT_OPERATIONS, type Operation } from "./operation.ts";

/**
 * Checks what every backend demands of a commit before it is evaluated: its size, legal keys, at most one mutation per key. Returns
 * the operations' key strings, in their order, so that no one computes them twice. Throws `invalid`.
 */
export function checkCommit(operations: readonly Operation[]): readonly string[] {
  if (operations.length > MAX_COMMIT_OPERATIONS) {
    throw new StorageError(
      "invalid",
      `a commit has at most ${MAX_COMMIT_OPERATIONS} operations, found ${operations.length}; split it`,
    );
  }
  const keys: string[] = [];
  const mutated = operations.length > 1 ? new Set<string>() : undefined;
  let bytes = 0;
  for (const operation of operations) {
    checkKey(operation.key);
    const key = keyString(operation.key);
    keys.push(key);
    if (operation.kind === "check") continue;
    if (operation.kind === "put") bytes += operation.record.bytes.length;
    if (mutated?.has(key) === true) {
      throw new StorageError(
        "invalid",
        `a commit changes a key at most once, found two mutations of ${keyText(operation.key)}; merge them`,
      );
    }
    mutated?.add(key);
  }
  if (bytes > MAX_COMMIT_BYTES) {
    throw new StorageError(
      "invalid",
      `the records of a commit have at most ${MAX_COMMIT_BYTES} bytes, found ${bytes}; split it`,
    );
  }
  return keys;
}

/** A key in the words of a message: `group.kind partition/namespace/name`. */
export function keyText(key: Key): string {
  return `${key.group}.${key.kind} ${key.partition}/${key.namespace}/${key.name}`;
}

function checkKey(key: Key): void {
  if (key.partition === WILDCARD || key.namespace === WILDCARD) {
    throw new StorageError(
      "invalid",
      `"${WILDCARD}" stands for any tenancy in queries and names none, found it in the key ${keyText(key)}`,
    );
  }
  for (const part of [key.group, key.kind, key.partition, key.namespace, key.name]) {
    if (part.includes("\0")) {
      throw new StorageError("invalid", `a key's parts are text without NUL, found ${JSON.stringify(part)}`);
    }
  }
}
