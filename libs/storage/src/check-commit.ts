import { StorageError } from "./errors.ts";
import { type Key, keyString, WILDCARD } from "./key.ts";
import { MAX_COMMIT_BYTES, MAX_COMMIT_OPERATIONS, type Operation } from "./operation.ts";

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
  checkPart(key.group);
  checkPart(key.kind);
  checkPart(key.partition);
  checkPart(key.namespace);
  checkPart(key.name);
}

function checkPart(part: string): void {
  if (part.includes("\0"))
    throw new StorageError("invalid", `a key's parts are text without NUL, found ${JSON.stringify(part)}`);
}
