/** Keys of a chunk, at most; a chunk that grows beyond is halved. */
const MAX_CHUNK = 512;

/** Some keys that follow each other, in order, and their values at the same places. */
interface Chunk<Value> {
  readonly keys: string[];
  readonly values: Value[];
}

/**
 * Values by text, in order of the texts (by code units, as `sort()` has it). A change moves the keys of one chunk at most, and a list of everything copies whole chunks: a cache
 * of 100,000 resources changes a thousand times a second, and some of its readers list all of it.
 */
export class OrderedMap<Value> {
  /** In order; none is empty. */
  readonly #chunks: Chunk<Value>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set(key: string, value: Value): void {
    const at = this.#chunkAt(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push({ keys: [key], values: [value] });
      this.#size += 1;
      return;
    }
    const place = firstFrom(chunk.keys, key);
    if (chunk.keys[place] === key) {
      chunk.values[place] = value;
      return;
    }
    chunk.keys.splice(place, 0, key);
    chunk.values.splice(place, 0, value);
    this.#size += 1;
    if (chunk.keys.length > MAX_CHUNK) this.#chunks.splice(at + 1, 0, upperHalf(chunk));
  }

  delete(key: string): void {
    const at = this.#chunkAt(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const place = firstFrom(chunk.keys, key);
    if (chunk.keys[place] !== key) return;
    chunk.keys.splice(place, 1);
    chunk.values.splice(place, 1);
    this.#size -= 1;
    if (chunk.keys.length === 0) this.#chunks.splice(at, 1);
    else if (chunk.keys.length < MAX_CHUNK / 4) this.#mergeWithNext(at);
  }

  /** All keys that begin with a text, in order. */
  keys(prefix = ""): string[] {
    return this.#pick(prefix, ({ keys }) => keys);
  }

  /** The values of all keys that begin with a text, in order of the keys. */
  values(prefix = ""): Value[] {
    return this.#pick(prefix, ({ values }) => values);
  }

  #pick<Part>(prefix: string, partsOf: (chunk: Chunk<Value>) => readonly Part[]): Part[] {
    const picked: (readonly Part[])[] = [];
    for (let at = this.#chunkAt(prefix); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at];
      if (chunk === undefined) break;
      const from = firstFrom(chunk.keys, prefix);
      // Once the last of a chunk begins with the prefix, all from the first that is not before it do.
      if (chunk.keys.at(-1)?.startsWith(prefix) === true) {
        picked.push(from === 0 ? partsOf(chunk) : partsOf(chunk).slice(from));
        continue;
      }
      let end = from;
      while (chunk.keys[end]?.startsWith(prefix) === true) end++;
      picked.push(partsOf(chunk).slice(from, end));
      if (end < chunk.keys.length) break;
    }
    return ([] as Part[]).concat(...picked);
  }

  /** The place of the chunk that has a key, or would. */
  #chunkAt(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.keys[0] ?? "") <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Two chunks that are small together become one. */
  #mergeWithNext(at: number): void {
    const [chunk, next] = [this.#chunks[at], this.#chunks[at + 1]];
    if (chunk === undefined || next === undefined) return;
    if (chunk.keys.length + next.keys.length > MAX_CHUNK / 2) return;
    chunk.keys.push(...next.keys);
    chunk.values.push(...next.values);
    this.#chunks.splice(at + 1, 1);
  }
}

/** Takes the upper half out of a chunk. */
function upperHalf<Value>({ keys, values }: Chunk<Value>): Chunk<Value> {
  const half = keys.length >>> 1;
  return { keys: keys.splice(half), values: values.splice(half) };
}

/** The place of the first key that is not before a text. */
function firstFrom(keys: readonly string[], text: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
