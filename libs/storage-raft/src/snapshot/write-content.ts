import type { RecordTree } from "@trellis/storage-memory";

import type { SessionState } from "../sessions.ts";
import { ItemWriter } from "./item-stream.ts";
import { encodeItem, encodeSession } from "./items.ts";
import { RecordEncoder } from "./record-item.ts";
import { type NextTurn, Slices } from "./slices.ts";

/** What the storage part of a snapshot says. */
export interface Content {
  readonly storeId: string;
  /** From the longest unused one on. */
  readonly sessions: readonly SessionState[];
  /** Nobody changes it any more. */
  readonly tree: RecordTree;
}

/** Records looked up in the tree at a time. */
const WALK_RECORDS = 256;

/** The storage part of a snapshot in chunks, in slices. What it gives depends on nothing but the content. */
export async function* writeContent(
  { storeId, sessions, tree }: Content,
  nextTurn: NextTurn,
): AsyncGenerator<Uint8Array> {
  const writer = new ItemWriter();
  const records = new RecordEncoder();
  const slices = new Slices(nextTurn);
  yield* writer.add(encodeHead(storeId, sessions.length, tree.size));
  for (const session of sessions) {
    const item = encodeSession(session);
    yield* writer.add(item);
    if (slices.step(item.length, session.results.size)) await slices.rest();
  }
  let after: string | undefined;
  for (let isDone = false; !isDone;) {
    const slice = tree.walk({ prefix: "" }, { after, records: WALK_RECORDS, visits: WALK_RECORDS });
    for (const record of slice.records) {
      const item = records.encode(record);
      if (!writer.addWhole(item)) yield* writer.add(item);
      if (slices.step(item.length, 0)) await slices.rest();
    }
    after = slice.last;
    isDone = slice.stopped === "done";
  }
  yield* writer.end();
}

/** What stands at the head of the content. */
export function encodeHead(storeId: string, sessions: number, records: number): Uint8Array {
  return encodeItem({
    case: "head",
    value: { storeId, sessions: BigInt(sessions), records: BigInt(records) },
  });
}
