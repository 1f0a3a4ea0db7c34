import type { Client, ListOptions } from "@trellis/client";
import { v2 } from "@trellis/demo";
import type { Dice } from "@trellis/testkit";

import { writtenOf } from "./album-writer.ts";
import type { Book, Written } from "./book.ts";

const PAGE_SIZE = 7;
const PAUSE_MS = 500;

/** Lists all resources of the chaos in pages, again and again. */
export class AlbumLister {
  lists = 0;
  readonly #client: Client;
  readonly #book: Book;
  readonly #dice: Dice;
  readonly #prefix: string;

  constructor(
    client: Client,
    { prefix, book, dice }: { readonly prefix: string; readonly book: Book; readonly dice: Dice },
  ) {
    this.#client = client;
    this.#prefix = prefix;
    this.#book = book;
    this.#dice = dice;
  }

  async work(isOver: () => boolean, failed: (error: unknown) => void): Promise<void> {
    while (!isOver()) {
      await new Promise((resolve) => setTimeout(resolve, this.#dice.around(PAUSE_MS)));
      try {
        await this.#list(this.#dice.chance(0.5) ? "strong" : "eventual");
        this.lists++;
      } catch (error) {
        failed(error);
      }
    }
  }

  /** Lists once; every name is there once, and of one version, as far as the client says that it is. */
  async #list(consistency: "strong" | "eventual"): Promise<void> {
    const { names } = this.#book;
    const before = names.map((name) => ({ name, ...this.#book.page(name) }));
    let hasRestarted = false;
    const found = await listAlbums(this.#client, this.#prefix, {
      consistency,
      onRestart: () => (hasRestarted = true),
    });
    const versions = new Map<string, number>();
    for (const written of found) {
      this.#book.saw(written);
      if (versions.has(written.name) && !hasRestarted)
        this.#book.findings.push(`a list of one version has ${written.name} twice`);
      versions.set(written.name, written.version);
    }
    if (consistency === "eventual" || hasRestarted) return;
    for (const { name, last, deletes, mayEnd } of before) {
      if (last === undefined || mayEnd || this.#book.page(name).deletes !== deletes) continue;
      if ((versions.get(name) ?? 0) < last.version)
        this.#book.findings.push(
          `a strong list has ${name} at ${versions.get(name) ?? "no version"}; ${last.version} was acknowledged before it began`,
        );
    }
  }
}

/** All resources whose names begin so. */
export async function listAlbums(
  client: Client,
  namePrefix: string,
  options: Pick<ListOptions, "consistency" | "onRestart">,
): Promise<readonly Written[]> {
  const found: Written[] = [];
  const paged = { ...options, pageSize: PAGE_SIZE };
  for await (const album of client.list(v2.Album, { namePrefix }, paged)) found.push(writtenOf(album));
  return found;
}
