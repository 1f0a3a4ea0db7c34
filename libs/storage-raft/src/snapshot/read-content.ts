import type { SnapshotHead } from "@trellis/protos/trellis/storage/v1/snapshot_pb.js";
import { type StoredRecord, TextKey, toVersion } from "@trellis/storage";
import { createStore, type Store, type StoreLimits } from "@trellis/storage-memory";

import { known, toNumber, unsupported } from "../known.ts";
import { fromStoredRecordMessage } from "../record-codec.ts";
import { Sessions } from "../sessions.ts";
import { damagedContent, ItemReader } from "./item-stream.ts";
import { decodeItem, decodePlainRecord, decodeSession } from "./items.ts";
import { type NextTurn, Slices } from "./slices.ts";

/** A state built from a snapshot. */
export interface BuiltState {
  readonly store: Store;
  readonly sessions: Sessions;
}

/** What a state is built with. */
export interface BuildOptions {
  /** The last entry of the log that the snapshot holds: the version of the store, and where its history begins. */
  readonly index: number;
  readonly limits: Partial<StoreLimits> | undefined;
  readonly nextTurn: NextTurn;
}

/** Builds the state that {@link writeContent} wrote, in slices. Rejects with `damaged` and `unsupported`. */
export async function readContent(
  chunks: AsyncIterable<Uint8Array>,
  options: BuildOptions,
): Promise<BuiltState> {
  const reader = new ItemReader();
  const slices = new Slices(options.nextTurn);
  let builder: StateBuilder | undefined;
  for await (const chunk of chunks) {
    for (const item of reader.push(chunk)) {
      let results = 0;
      if (builder === undefined) builder = new StateBuilder(decodeHead(item), options);
      else results = builder.add(item);
      if (slices.step(item.length, results)) await slices.rest();
    }
  }
  reader.finish();
  if (builder === undefined) throw damagedContent("it is empty");
  return builder.finish();
}

/** The head of a snapshot's content. Throws `damaged` and `unsupported`. */
export function decodeHead(item: Uint8Array): SnapshotHead {
  const decoded = decodeItem(item);
  if (decoded.case !== "head") throw damagedContent("it does not begin with its head");
  return known(decoded.value, "the head of a snapshot");
}

/** Puts items in, in their order. */
class StateBuilder {
  readonly #store: Store;
  readonly #index: number;
  readonly #sessions = new Sessions();
  readonly #expected: { readonly sessions: number; readonly records: number };
  #lastUsed = 0;
  #lastKey = "";

  constructor(head: SnapshotHead, { index, limits }: BuildOptions) {
    this.#index = index;
    this.#expected = { sessions: toNumber(head.sessions), records: toNumber(head.records) };
    this.#store = createStore({ storeId: head.storeId, version: toVersion(index) }, limits);
  }

  /** Puts an item in; how many remembered results it holds. */
  add(item: Uint8Array): number {
    const plain = decodePlainRecord(item);
    if (plain !== undefined) return this.#addRecord(plain);
    const decoded = decodeItem(item);
    switch (decoded.case) {
      case "session": {
        const session = decodeSession(decoded.value);
        if (session.lastUsed <= this.#lastUsed || session.lastUsed > this.#index || this.#store.size > 0)
          throw damagedContent(`session ${session.id} is not where it belongs`);
        this.#lastUsed = session.lastUsed;
        this.#sessions.restore(session);
        return session.results.size;
      }
      case "record":
        return this.#addRecord(fromStoredRecordMessage(decoded.value));
      case "head":
        throw damagedContent("it has two heads");
      case undefined:
        throw unsupported("a snapshot has an item");
    }
  }

  #addRecord(record: StoredRecord): number {
    const key = new TextKey(record.key);
    const text = key.text();
    if (text <= this.#lastKey || record.version > this.#index)
      throw damagedContent(`record ${JSON.stringify(text)} is not where it belongs`);
    this.#lastKey = text;
    this.#store.load([{ ...record, key }]);
    return 0;
  }

  finish(): BuiltState {
    const { sessions, records } = this.#expected;
    if (this.#sessions.size !== sessions || this.#store.size !== records) {
      throw damagedContent(
        `expected ${sessions} sessions and ${records} records, found ${this.#sessions.size} and ${this.#store.size}`,
      );
    }
    return { store: this.#store, sessions: this.#sessions };
  }
}
