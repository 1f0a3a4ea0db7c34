import { ConnectError } from "@connectrpc/connect";
import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";
import { errorApplied, errorReason } from "@trellis/resource";

/** How a call ended that was not answered with what it asked for. */
export interface Refusal {
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

/** What Node says when there was nobody to connect to, and when the server had said that it takes no more calls on the connection. */
const NOT_TAKEN = /ECONNREFUSED|REFUSED_STREAM|GOAWAY/;

/** Whether the server may have begun to do what it refused, as far as its answer, or the end of the connection, tells. */
export function mayHaveBeenBegun({ applied, message }: Refusal): boolean {
  return applied === undefined ? !NOT_TAKEN.test(message) : applied !== "no";
}

/** What the API says of a call that it refused. */
function refusalOf(error: unknown): Refusal {
  const { rawMessage } = ConnectError.from(error);
  return { reason: errorReason(error), applied: errorApplied(error), message: rawMessage };
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

  /** Resolves after so many more have been acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged.length + count;
    while (this.acknowledged.length < goal) await new Promise<void>((resolve) => this.#told.push(resolve));
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
        this.refused.push(refusalOf(error));
      }
    }
  }
}
