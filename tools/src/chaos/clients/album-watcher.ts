import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";
import { errorReason } from "@trellis/resource";

import { writtenOf } from "./album-writer.ts";
import type { Book, Shown, View } from "./book.ts";

/** After these a watch lists again: whoever reads it is told what differs, and not all that happened. */
const GAPS: readonly (string | undefined)[] = ["HISTORY_GONE", "STORE_CHANGED", "AUTHORIZATION_CHANGED"];

/** A watch of all resources of the chaos, resumed by the client. */
export class AlbumWatcher implements View {
  readonly name: string;
  readonly shown: Shown[] = [];
  hasGap = false;
  /** How often it was cut. */
  interrupts = 0;
  /** Resolves when it has shown all that was there at first. */
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
  readonly #seen = new Set<string>();

  constructor({
    name,
    client,
    prefix,
    book,
    signal,
  }: {
    readonly name: string;
    readonly client: Client;
    readonly prefix: string;
    readonly book: Book;
    readonly signal: AbortSignal;
  }) {
    this.name = name;
    const options = { prefix, signal };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    this.ended = this.#read(client, options, resolve).catch((error: unknown) => {
      book.findings.push(`${name} ended: ${(error as Error).message}`);
      resolve();
    });
  }

  /** Whether it has shown a revision. */
  hasShown(revision: string): boolean {
    return this.#seen.has(revision);
  }

  async #read(
    client: Client,
    { prefix, signal }: { readonly prefix: string; readonly signal: AbortSignal },
    begun: () => void,
  ): Promise<void> {
    const onInterrupt = (error: unknown): void => {
      this.interrupts++;
      if (GAPS.includes(errorReason(error))) this.hasGap = true;
    };
    for await (const item of client.watch(v2.Album, { namePrefix: prefix }, { signal, onInterrupt })) {
      if (item.kind === "endOfSnapshot") begun();
      else if (item.kind === "delete") this.shown.push({ kind: "delete", name: item.resource.id.name });
      else {
        const written = writtenOf(item.resource);
        this.shown.push({ kind: "put", written });
        this.#seen.add(written.revision);
      }
    }
  }
}
