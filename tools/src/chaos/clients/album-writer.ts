import { setTimeout as sleep } from "node:timers/promises";

import type { Client } from "@trellis/client";
import { v2 } from "@trellis/demo";
import { WriteRequest_Mode as Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorApplied, errorReason } from "@trellis/resource";
import type { Dice } from "@trellis/testkit";

import type { Book, Written } from "./book.ts";

const REVISION = "revision";
const ITEMS = 5;
const PAUSE_MS = 60;
const RETRY_MS = 200;
/** Who was not answered may still be carried out for so long: a deadline, and the longest time for which a process is stopped. */
export const LATE_MS = 40_000;
const PROBES = { delete: 0.12, read: 0.3 };

type Album = Awaited<ReturnType<Client["read"]>>;

/** Writes resources of its own, each over the version that it knows, and reads them back. */
export class AlbumWriter {
  readonly #client: Client;
  readonly #book: Book;
  readonly #dice: Dice;
  readonly #names: readonly string[];
  readonly #unansweredMs = new Map<string, number>();
  readonly #failed: (error: unknown) => void;

  constructor({
    client,
    book,
    dice,
    prefix,
    failed,
  }: {
    readonly client: Client;
    readonly book: Book;
    readonly dice: Dice;
    /** What the names of its resources begin with. */
    readonly prefix: string;
    readonly failed: (error: unknown) => void;
  }) {
    this.#client = client;
    this.#book = book;
    this.#dice = dice;
    this.#failed = failed;
    this.#names = Array.from({ length: ITEMS }, (_, at) => `${prefix}${at}`);
  }

  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await sleep(this.#dice.around(PAUSE_MS));
      const name = this.#dice.pick(this.#names);
      if (!(await this.#change(name))) await this.#settle(name, isOver);
      else if (this.#dice.chance(PROBES.read)) await this.#readBack(name);
    }
  }

  async #change(name: string): Promise<boolean> {
    const { last } = this.#book.page(name);
    return last !== undefined && this.#dice.chance(PROBES.delete)
      ? await this.#delete(last)
      : await this.#write(name, last);
  }

  async #write(name: string, last: Written | undefined): Promise<boolean> {
    const revision = this.#book.ask(name);
    try {
      const { resource } = await this.#client.write(
        v2.Album,
        {
          name,
          metadata: { [REVISION]: revision },
          data: { title: revision },
          ...(last !== undefined && { version: String(last.version) }),
        },
        { mode: last === undefined ? Mode.CREATE : Mode.UPDATE },
      );
      this.#book.acknowledge({ name, revision, version: Number(resource.version) });
      return true;
    } catch (error) {
      if (!this.#note(name, error)) this.#book.refuse(revision);
      return false;
    }
  }

  async #delete({ name, version }: Written): Promise<boolean> {
    this.#book.askDelete(name);
    try {
      await this.#client.delete(v2.Album, { name }, { version: String(version) });
      this.#book.acknowledgeDelete(name);
      return true;
    } catch (error) {
      this.#note(name, error);
      return false;
    }
  }

  /** Whether what failed may have been applied. */
  #note(name: string, error: unknown): boolean {
    this.#failed(error);
    const reason = errorReason(error);
    const isContradicted =
      reason !== undefined && ["VERSION_MISMATCH", "ALREADY_EXISTS", "RESOURCE_NOT_FOUND"].includes(reason);
    if (!isContradicted) {
      if (errorApplied(error) === "no") return false;
      this.#unansweredMs.set(name, performance.now());
      return true;
    }
    const sinceMs = performance.now() - (this.#unansweredMs.get(name) ?? Number.NEGATIVE_INFINITY);
    if (sinceMs > LATE_MS)
      this.#book.findings.push(`only its owner changes ${name}, and was told ${(error as Error).message}`);
    return false;
  }

  /** Reads until there is an answer how a resource stands. */
  async #settle(name: string, isOver: () => boolean): Promise<void> {
    for (let tries = 0; tries < 1_000; tries++) {
      try {
        const found = await this.#client.find(v2.Album, { name }, { consistency: "strong" });
        this.#book.settle(name, found === undefined ? undefined : writtenOf(found));
        return;
      } catch (error) {
        this.#failed(error);
        if (isOver()) await sleep(RETRY_MS);
        await sleep(RETRY_MS);
      }
    }
    throw new Error(`${name} could not be read any more`);
  }

  /** What this client has been told it sees, with any consistency. */
  async #readBack(name: string): Promise<void> {
    const { last } = this.#book.page(name);
    const consistency = this.#dice.chance(0.5) ? "strong" : "eventual";
    try {
      const found = await this.#client.find(v2.Album, { name }, { consistency });
      if (found !== undefined) this.#book.saw(writtenOf(found));
      const isLate = performance.now() - (this.#unansweredMs.get(name) ?? Number.NEGATIVE_INFINITY) < LATE_MS;
      const isOwn = found?.metadata[REVISION] === last?.revision;
      if (!isOwn && !isLate)
        this.#book.findings.push(
          `its owner read ${name} with ${consistency} consistency: expected ${last?.revision ?? "nothing"}, found ${found?.metadata[REVISION] ?? "nothing"}`,
        );
    } catch (error) {
      this.#failed(error);
    }
  }
}

/** A resource as the book has it. */
export function writtenOf({ id, version, metadata }: Pick<Album, "id" | "version" | "metadata">): Written {
  return { name: id.name, revision: metadata[REVISION] ?? "", version: Number(version) };
}
