import { ConnectError } from "@connectrpc/connect";
import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";
import { errorApplied, errorReason } from "@trellis/resource";

/** How a call ended that was not answered with what it asked for. */
export interface Refusal {
  /** Of the album. */
  readonly name: string;
  readonly reason: string | undefined;
  readonly applied: string | undefined;
  readonly message: string;
}

/** Writes an album that has its name for a title. */
export async function writeAlbum(client: Client, name: string): Promise<void> {
  await client.write(v2.Album, { name, data: { title: name } });
}

/** The title that a gateway shows of an album now, as the cluster has it. */
export async function titleOf(client: Client, name: string): Promise<string | undefined> {
  const found = await client.find(v2.Album, { name }, { consistency: "strong" });
  return found?.data?.title;
}

/** The names of all albums that a gateway shows, as the cluster has them. */
export async function albumNames(client: Client): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const { id } of client.list(v2.Album, {}, { consistency: "strong" })) names.add(id.name);
  return names;
}

/** For a few writes, on a machine that is busy. */
const MORE_MS = 60_000;
/** What Node says when there was nobody to connect to, and when the server had said that it takes no more calls on the connection. */
const NOT_TAKEN = /ECONNREFUSED|REFUSED_STREAM|GOAWAY/;

/** What Node says of a connection that the machine had taken in the name of a server that was closing, and of one that was cut. */
const CUT = /ECONNRESET/;

/** Whether nothing but what is stored tells whether the server had begun. */
export function wasCut({ applied, message }: Refusal): boolean {
  return applied === undefined && CUT.test(message);
}

/** Whether the server may have begun to do what it refused, as far as its answer, or the end of the connection, tells. */
export function mayHaveBeenBegun({ applied, message }: Refusal): boolean {
  return applied === undefined ? !NOT_TAKEN.test(message) : applied !== "no";
}

/** What the API says of a call that it refused. */
function refusalOf(name: string, error: unknown): Refusal {
  const { rawMessage } = ConnectError.from(error);
  return { name, reason: errorReason(error), applied: errorApplied(error), message: rawMessage };
}

/** One writer: an album after the other through one gateway, each tried once, until it is told to end. */
export class AlbumWriter {
  /** Names of those that were acknowledged. */
  readonly acknowledged: string[] = [];
  readonly refused: Refusal[] = [];
  readonly #done: Promise<void>;
  #isOver = false;
  #told: (() => void)[] = [];

  constructor(client: Client, prefix: string) {
    this.#done = this.#write(client, prefix);
  }

  /** Resolves after so many more have been acknowledged. Rejects with what was refused when that takes too long. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged.length + count;
    const isLate = AbortSignal.timeout(MORE_MS);
    while (this.acknowledged.length < goal) {
      if (isLate.aborted)
        throw new Error(`${count} writes took more than ${MORE_MS} ms: ${JSON.stringify(this.refused)}`);
      await new Promise<void>((resolve) => {
        this.#told.push(resolve);
        isLate.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Ends after the write under way. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #write(client: Client, prefix: string): Promise<void> {
    for (let number = 1; !this.#isOver; number++) {
      const name = `${prefix}-${number}`;
      try {
        await writeAlbum(client, name);
        this.acknowledged.push(name);
        for (const tell of this.#told.splice(0)) tell();
      } catch (error) {
        this.refused.push(refusalOf(name, error));
      }
    }
  }
}
