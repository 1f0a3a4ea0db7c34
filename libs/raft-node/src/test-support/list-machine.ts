import type { PreparedState, StateCapture, StateMachine } from "../state-machine.ts";

/** A state machine that keeps a list of words, and the index at which each was applied. A word that begins `keep N` takes the place of all but the first N. */
export class ListMachine implements StateMachine {
  readonly kind: number;
  words: string[] = [];
  indexes: number[] = [];
  /** By word: what was given with its entry. */
  readonly given = new Map<string, unknown>();
  reachedIndex = 0;
  /** What it says of its bytes, of what they are. */
  saidShare = 1;
  /** Set to make applying a word fail. */
  poison: string | undefined;

  constructor(kind = 2) {
    this.kind = kind;
  }

  apply(command: Uint8Array, index: number, own?: unknown): number {
    const word = new TextDecoder().decode(command);
    this.given.set(word, own);
    if (word === this.poison) throw new Error(`cannot apply ${word}`);
    const [, kept] = /^keep (\d+)/.exec(word) ?? [];
    if (kept !== undefined)
      this.words.length = this.indexes.length = Math.min(this.words.length, Number(kept));
    this.words.push(word);
    this.indexes.push(index);
    return this.words.length;
  }

  reached(index: number): void {
    this.reachedIndex = index;
  }

  get approximateBytes(): number {
    return this.#bytes().length * this.saidShare;
  }

  #bytes(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify({ words: this.words, indexes: this.indexes }));
  }

  capture(): StateCapture {
    const bytes = this.#bytes();
    return {
      async *chunks() {
        for (let from = 0; from < bytes.length; from += 1000) yield bytes.subarray(from, from + 1000);
      },
    };
  }

  async restore(chunks: AsyncIterable<Uint8Array>, index: number): Promise<PreparedState> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
    const text = Buffer.concat(parts).toString();
    const { words, indexes } =
      text === "" ? { words: [], indexes: [] } : (JSON.parse(text) as { words: string[]; indexes: number[] });
    return {
      install: () => {
        this.words = words;
        this.indexes = indexes;
        this.reachedIndex = index;
      },
    };
  }
}

/** An entry for a {@link ListMachine}. */
export function wordEntry(word: string, kind = 2): Uint8Array {
  const bytes = new TextEncoder().encode(word);
  const entry = new Uint8Array(1 + bytes.length);
  entry[0] = kind;
  entry.set(bytes, 1);
  return entry;
}

/** No chunks: what machines begin with when they begin with nothing. */
export async function* noChunks(): AsyncGenerator<never> {
  // Nothing.
}
