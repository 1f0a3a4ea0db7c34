import type { Client, StorePosition } from "@trellis/client";
import { v2 } from "@trellis/demo";
import type { StoredRecord } from "@trellis/storage";

import type { Trace } from "../world/trace.ts";

const { Artist } = v2;

/** A content, no two of which are equal, that says what its commit wrote. */
export function contentOf(number: number, names: readonly string[]): string {
  return `${number} ${names.join(" ")}`;
}

function namesIn(content: string): readonly string[] {
  return content.split(" ").slice(1);
}

/** What the SDK's clients write and watch, as storage has it. */
export const SDK_QUERY = { group: Artist.group, kind: Artist.kind, partition: "*", namespace: "*" };

export interface SdkWatcherParts {
  readonly name: string;
  readonly client: Client;
  readonly trace: Trace;
  /** Told what is wrong, in words. */
  readonly report: (finding: string) => void;
}

/** A resource, as the watch last told of it. */
interface Shown {
  readonly uid: string | undefined;
  readonly version: number;
  /** The names that its commit wrote, its own among them. */
  readonly writtenWith: readonly string[];
}

/** A watch of the SDK, which resumes by itself: what it yields is kept here as an informer would, and held against what a watch promises. */
export class SdkWatcher {
  readonly #parts: SdkWatcherParts;
  readonly #shown = new Map<string, Shown>();
  /** How often it was cut, and opened again behind the scenes. */
  interrupts = 0;

  constructor(parts: SdkWatcherParts) {
    this.#parts = parts;
  }

  /** Watches for good. Rejects with what the SDK gives up for. */
  async run(): Promise<void> {
    const { client, name, trace } = this.#parts;
    const onInterrupt = (error: unknown): void => {
      this.interrupts++;
      trace.note(name, `watch interrupted: ${String(error)}`);
    };
    const onPosition = ({ version }: StorePosition): void => this.#lookForSplitCommits(Number(version));
    for await (const item of client.watch(Artist, {}, { onInterrupt, onPosition })) {
      if (item.kind === "endOfSnapshot") continue;
      const { id, version, data } = item.resource;
      if (trace.isOn) trace.note(name, `${item.kind} ${id.name} of version ${version}`);
      if (item.kind === "delete") this.#deleted(id);
      else {
        const writtenWith = namesIn(data.name);
        this.#changed(id.name, { uid: id.uid, version: Number(version), writtenWith });
      }
    }
  }

  /** Whether it shows what is stored, and nothing else. */
  equals(records: readonly StoredRecord[]): boolean {
    if (records.length !== this.#shown.size) return false;
    return records.every(({ key, uid, version }) => {
      const shown = this.#shown.get(key.name);
      return shown?.uid === uid && shown.version === version;
    });
  }

  #deleted({ name, uid }: { readonly name: string; readonly uid?: string }): void {
    const before = this.#shown.get(name);
    if (before === undefined || before.uid !== uid)
      this.#report(`the delete of ${name}, ${uid}, of which it was told ${before?.uid ?? "nothing"}`);
    this.#shown.delete(name);
  }

  #changed(name: string, shown: Shown): void {
    const before = this.#shown.get(name);
    if (before !== undefined && before.version >= shown.version)
      this.#report(`${name} of version ${shown.version} after that of ${before.version}`);
    if (before !== undefined && before.uid !== shown.uid)
      this.#report(`${name} as ${shown.uid}, and not that ${before.uid} was deleted`);
    this.#shown.set(name, shown);
  }

  /**
   * Up to where the SDK says that it told everything, it told of no commit a part only. Of a later one it may have: who resumes at a gateway that is behind
   * gets there again, and then the commit whole.
   */
  #lookForSplitCommits(reached: number): void {
    for (const [name, { version, writtenWith }] of this.#shown) {
      if (version > reached) continue;
      for (const other of writtenWith) {
        const shown = this.#shown.get(other);
        if (shown !== undefined && shown.version < version)
          this.#report(`${name} of version ${version}, and not ${other}, which the same commit wrote`);
      }
    }
  }

  #report(what: string): void {
    const { name, report } = this.#parts;
    report(`the SDK tells ${name} ${what}`);
  }
}
