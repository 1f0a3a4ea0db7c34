import { writeAlbum } from "./rest-client.ts";

/** Between two writes of one writer. */
const PAUSE_MS = 10;

/** Writers that go on until they are told to end, one after the other through each of some servers. */
export class Writers {
  /** What was acknowledged. */
  readonly written = new Map<string, string>();
  readonly failures: string[] = [];
  #longestMs = 0;
  readonly #prefix: string;
  #isOver = false;
  readonly #work: readonly Promise<void>[];

  constructor(prefix: string, urls: readonly string[]) {
    this.#prefix = prefix;
    this.#work = urls.map(async (url, at) => await this.#write(url, at));
  }

  /** The longest that one write took since this was asked last. */
  takeLongestMs(): number {
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return Math.round(longestMs);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#work);
  }

  async #write(url: string, at: number): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const name = `${this.#prefix}-${at}-${count}`;
      const startedAt = performance.now();
      try {
        await writeAlbum(url, name, `title of ${name}`);
        this.written.set(name, `title of ${name}`);
      } catch (error) {
        this.failures.push((error as Error).message);
      }
      this.#longestMs = Math.max(this.#longestMs, performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
