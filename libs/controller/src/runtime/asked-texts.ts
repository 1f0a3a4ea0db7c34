import { OrderedKeys } from "./ordered-keys.ts";

/** A text that somebody asked for, and who did: one alone, or several. */
export interface Asked {
  readonly texts: AskedTexts;
  readonly text: string;
  readers: string | Set<string>;
}

/**
 * Texts that were asked for, to find those that concern a text: the same one, those with which it begins, or those that begin with it. Finding them takes no time that grows
 * with the number of readers; with the number of texts it does so only for those that begin with it, logarithmically.
 */
export class AskedTexts {
  /** The type that was asked about, `group.version.Kind`. */
  readonly type: string;
  readonly #how: "same" | "beginnings" | "continuations";
  readonly #asked = new Map<string, Asked>();
  /** How many of the texts have each length: only such beginnings are looked for. */
  readonly #lengths = new Map<number, number>();
  readonly #ordered = new OrderedKeys();

  constructor(type: string, how: "same" | "beginnings" | "continuations") {
    this.type = type;
    this.#how = how;
  }

  get size(): number {
    return this.#asked.size;
  }

  add(text: string, reader: string): Asked {
    const asked = this.#asked.get(text);
    if (asked === undefined) return this.#begin(text, reader);
    if (typeof asked.readers !== "string") asked.readers.add(reader);
    else if (asked.readers !== reader) asked.readers = new Set([asked.readers, reader]);
    return asked;
  }

  remove({ text }: Asked, reader: string): void {
    const asked = this.#asked.get(text);
    if (asked === undefined) return;
    if (typeof asked.readers !== "string") {
      asked.readers.delete(reader);
      if (asked.readers.size > 0) return;
    } else if (asked.readers !== reader) return;
    this.#end(text);
  }

  /** Adds to `readers` who asked for what concerns a text. */
  collect(text: string, readers: Set<string>): void {
    if (this.#how === "same") this.#collectAsked(text, readers);
    else if (this.#how === "continuations")
      for (const asked of this.#ordered.withPrefix(text)) this.#collectAsked(asked, readers);
    else {
      for (const length of this.#lengths.keys())
        if (length <= text.length) this.#collectAsked(text.slice(0, length), readers);
    }
  }

  #collectAsked(text: string, readers: Set<string>): void {
    const found = this.#asked.get(text)?.readers;
    if (typeof found === "string") readers.add(found);
    else if (found !== undefined) for (const reader of found) readers.add(reader);
  }

  #begin(text: string, reader: string): Asked {
    const asked: Asked = { texts: this, text, readers: reader };
    this.#asked.set(text, asked);
    if (this.#how === "continuations") this.#ordered.add(text);
    if (this.#how === "beginnings") this.#lengths.set(text.length, (this.#lengths.get(text.length) ?? 0) + 1);
    return asked;
  }

  #end(text: string): void {
    this.#asked.delete(text);
    if (this.#how === "continuations") this.#ordered.delete(text);
    if (this.#how !== "beginnings") return;
    const left = (this.#lengths.get(text.length) ?? 0) - 1;
    if (left > 0) this.#lengths.set(text.length, left);
    else this.#lengths.delete(text.length);
  }
}
