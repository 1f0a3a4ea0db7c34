import { BenchError } from "./bench-error.ts";

/** A step between items that is prime, so that calls touch all of them in no order that a cache would like. */
const STRIDE = 7_919;

/** What the bench knows of the resources in one store. */
export class Dataset {
  #keys: number;
  /** By item: the newest version that an answer showed. */
  readonly #versions: number[] = [];
  #position = 0;
  #revision = 0;
  #items: number;

  constructor(keys: number) {
    this.#keys = keys;
    this.#items = keys;
  }

  /** Distinct resources that calls go over, numbered from 0. */
  get keys(): number {
    return this.#keys;
  }

  /** From now on there are so many, before any new item was asked for. */
  grow(keys: number): void {
    this.#keys = keys;
    this.#items = Math.max(this.#items, keys);
  }

  /** The next of the items, in an order that comes back to one only after all others. */
  nextItem(): number {
    this.#position = (this.#position + STRIDE) % this.#keys;
    return this.#position;
  }

  /** An item that was never written. */
  newItem(): number {
    return this.#items++;
  }

  /** What makes each write a change: no two are equal. */
  nextRevision(): number {
    return ++this.#revision;
  }

  /** The newest version of an item that an answer showed; 0 before any. */
  version(item: number): number {
    return this.#versions[item] ?? 0;
  }

  /** Notes what a write was answered. Throws when that is no newer than what was seen before it began: then nothing was written. */
  wrote(item: number, { version, after }: { readonly version: number; readonly after: number }): void {
    if (!(version > after))
      throw new BenchError(`a write of item ${item} was answered with version ${version} after ${after}`);
    this.#versions[item] = Math.max(version, this.version(item));
  }
}
