/** The system's cache keeps files in pages of this size; so does this disk. */
export const PAGE_BYTES = 4096;

const ZEROS = Buffer.alloc(PAGE_BYTES);

/** A file's bytes. Pages are shared between contents and never changed while they are; absent ones are zeros. */
export interface Content {
  readonly pages: readonly (Buffer | undefined)[];
  readonly bytes: number;
}

export const EMPTY_CONTENT: Content = { pages: [], bytes: 0 };

/** A change that the disk has not been told to keep. */
export type Change =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly bytes: number };

/** A file as its pages in memory show it, that can be looked at later as it was. */
export class PagedFile {
  #pages: (Buffer | undefined)[];
  /** Pages that nothing else holds. */
  #own = new Set<number>();
  #bytes: number;

  constructor({ pages, bytes }: Content) {
    this.#pages = [...pages];
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The file as it is now; what changes later does not show in it. */
  content(): Content {
    this.#own.clear();
    return { pages: [...this.#pages], bytes: this.#bytes };
  }

  /** Reads into a buffer. Answers how many bytes there were. */
  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.#bytes - position));
    for (let done = 0; done < count;) {
      const at = position + done;
      const offset = at % PAGE_BYTES;
      const part = Math.min(PAGE_BYTES - offset, count - done);
      const page = this.#pages[Math.floor(at / PAGE_BYTES)] ?? ZEROS;
      target.set(page.subarray(offset, offset + part), done);
      done += part;
    }
    return count;
  }

  apply(change: Change): void {
    if (change.kind === "truncate") this.#truncate(change.bytes);
    else this.#write(change.bytes, change.position);
  }

  #write(bytes: Buffer, position: number): void {
    for (let done = 0; done < bytes.length;) {
      const at = position + done;
      const offset = at % PAGE_BYTES;
      const part = Math.min(PAGE_BYTES - offset, bytes.length - done);
      const source = bytes.subarray(done, done + part);
      const number = Math.floor(at / PAGE_BYTES);
      const isNothing = this.#pages[number] === undefined && source.equals(ZEROS.subarray(0, part));
      if (!isNothing) source.copy(this.#ownPage(number), offset);
      done += part;
    }
    this.#bytes = Math.max(this.#bytes, position + bytes.length);
  }

  #truncate(bytes: number): void {
    const kept = Math.ceil(bytes / PAGE_BYTES);
    if (this.#pages.length > kept) this.#pages.length = kept;
    const offset = bytes % PAGE_BYTES;
    if (offset > 0 && this.#pages[kept - 1] !== undefined) this.#ownPage(kept - 1).fill(0, offset);
    for (const number of this.#own) if (number >= kept) this.#own.delete(number);
    this.#bytes = bytes;
  }

  #ownPage(number: number): Buffer {
    const shared = this.#pages[number];
    if (shared !== undefined && this.#own.has(number)) return shared;
    const page = Buffer.from(shared ?? ZEROS);
    while (this.#pages.length < number) this.#pages.push(undefined);
    this.#pages[number] = page;
    this.#own.add(number);
    return page;
  }
}
