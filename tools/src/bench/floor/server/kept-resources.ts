import sortedBtree from "sorted-btree";

import { callBody, eachResource, numberResource, RESOURCE_BYTES, RESOURCES } from "../messages.ts";

const BTree = sortedBtree.default;

/** The pieces of memory that resources are in, one behind the other; one dies when no resource in it is kept any more. */
const SLAB_BYTES = 132 * 1024;
/** A key is of 110 characters, as one with a type, a tenancy and a name is: this, and the resource's number. */
const KEY_START = "demo.v2.Album/partition/".padEnd(102, "the-default-one/");
const KEY_DIGITS = 8;

/** Where a resource is. */
interface KeptResource {
  readonly slab: Buffer;
  readonly offset: number;
  readonly length: number;
  readonly version: number;
}

/** Resources by their keys, and in the order of their keys if `ordered`. It begins with all of them. */
export class KeptResources {
  readonly #byKey = new Map<string, KeptResource>();
  readonly #inOrder: InstanceType<typeof BTree<string, KeptResource>> | undefined;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  #version = 0;

  constructor({ ordered }: { readonly ordered: boolean }) {
    this.#inOrder = ordered ? new BTree(undefined, compareStrings) : undefined;
    const body = callBody(1);
    for (let number = 0; number < RESOURCES; number++) {
      numberResource(body, 0, number);
      this.putAll(body);
    }
  }

  /** Replaces each resource that is in the body of a call. */
  putAll(body: Buffer): void {
    eachResource(body, (number, offset) => this.#put(keyOf(number), body, offset));
  }

  #put(key: string, body: Buffer, start: number): void {
    if (this.#used + RESOURCE_BYTES > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const [slab, offset] = [this.#slab, this.#used];
    this.#used += body.copy(slab, offset, start, start + RESOURCE_BYTES);
    this.#version += 1;
    const kept = { slab, offset, length: RESOURCE_BYTES, version: this.#version };
    this.#byKey.set(key, kept);
    this.#inOrder?.set(key, kept);
  }
}

function keyOf(number: number): string {
  return KEY_START + String(number).padStart(KEY_DIGITS, "0");
}

function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
