import type { Dice } from "../world/dice.ts";
import { type Change, type Content, PagedFile } from "./paged-file.ts";

/** The smallest unit that a disk writes whole, in bytes. */
const SECTOR_BYTES = 512;

/**
 * What a disk holds after the power went: what was synced, and of every change that was not, all, nothing, some sectors, or some sectors up to some byte.
 */
export function afterPowerLoss(durable: Content, changes: readonly Change[], dice: Dice): Content {
  if (changes.length === 0) return durable;
  const file = new PagedFile(durable);
  for (const change of changes) {
    switch (dice.pick(["all", "none", "sectors", "sectors", "bytes"] as const)) {
      case "all":
        file.apply(change);
        break;
      case "none":
        break;
      case "sectors":
        for (const part of someSectors(change, "whole", dice)) file.apply(part);
        break;
      case "bytes":
        for (const part of someSectors(change, "torn", dice)) file.apply(part);
    }
  }
  return file.content();
}

function* someSectors(change: Change, kind: "whole" | "torn", dice: Dice): Generator<Change> {
  if (change.kind === "truncate") {
    if (dice.chance(0.5)) yield change;
    return;
  }
  const { position, bytes } = change;
  for (let from = 0; from < bytes.length;) {
    const sector = Math.min(bytes.length - from, SECTOR_BYTES - ((position + from) % SECTOR_BYTES));
    const arrived = kind === "torn" ? dice.below(sector + 1) : sector;
    if (dice.chance(0.5) && arrived > 0)
      yield { kind: "write", position: position + from, bytes: bytes.subarray(from, from + arrived) };
    from += sector;
  }
}
