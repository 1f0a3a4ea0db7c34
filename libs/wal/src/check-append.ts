import type { Append } from "./entry.ts";
import { WalError } from "./errors.ts";
import { isUint53 } from "./integers.ts";
import { type Item, itemBytes, itemsOf } from "./item.ts";
import type { WalLimits } from "./limits.ts";
import { advance, type LogTail } from "./log-tail.ts";

/** An append that may follow the log as it is. */
export interface CheckedAppend {
  readonly items: readonly Item[];
  readonly bytes: number;
  readonly tailAfter: LogTail;
}

/** Checks an append against the log before it and against the bounds. Throws a WalError `invalid` or `too-large`. */
export function checkAppend(append: Append, tail: LogTail, limits: WalLimits): CheckedAppend {
  checkNumbers(append);
  const items = itemsOf(append);
  if (items.length === 0) {
    throw new WalError("invalid", "an append has entries, a hard state or a snapshot mark, found none");
  }
  const hardStateBytes = append.hardState?.length ?? 0;
  if (hardStateBytes > limits.hardStateBytes) {
    throw new WalError(
      "too-large",
      `a hard state has up to ${limits.hardStateBytes} bytes (hardStateBytes), found ${hardStateBytes}`,
    );
  }
  const bytes = items.reduce((sum, item) => sum + itemBytes(item), 0);
  if (bytes > limits.appendBytes) {
    throw new WalError(
      "too-large",
      `an append takes up to ${limits.appendBytes} bytes (appendBytes), found ${bytes}; append fewer entries at once`,
    );
  }
  let tailAfter = tail;
  for (const item of items) {
    const next = advance(tailAfter, item);
    if (typeof next === "string") throw new WalError("invalid", next);
    tailAfter = next;
  }
  return { items, bytes, tailAfter };
}

function checkNumbers({ entries = [], snapshot }: Append): void {
  for (const { index, term } of snapshot === undefined ? entries : [snapshot, ...entries]) {
    if (!isUint53(index) || !isUint53(term) || index < 1) {
      throw new WalError(
        "invalid",
        `an index is a whole number from 1 and a term one from 0, both below 2^53, found index ${index} in term ${term}`,
      );
    }
  }
}
