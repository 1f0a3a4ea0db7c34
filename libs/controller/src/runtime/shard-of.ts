import type { Request } from "../controller.ts";
import { hashOf } from "./hash-of.ts";

/** One of the parts into which the names of a controller are divided. */
export interface Shard {
  /** From 0. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/**
 * The shard that a name belongs to, from 0 to `of` - 1: the hash (FNV-1a, 32 bits) of the UTF-16 units of `PARTITION/NAMESPACE/NAME`, stirred, modulo `of`. It is the same in every
 * process and every version of this library, because two that disagreed would both work on a name: it must never change.
 */
export function shardOf({ partition, namespace, name }: Request, of: number): number {
  return stirred(hashOf(`${partition}/${namespace}/${name}`)) % of;
}

/** FNV-1a leaves patterns in the low bits of names that are alike, as numbered ones are; the last step of MurmurHash3 spreads each bit over all. */
function stirred(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
