import { toNumber, unsupported } from "../known.ts";
import { fromStoredRecordMessage } from "../record-codec.ts";
import { damagedContent, ItemReader } from "./item-stream.ts";
import { decodeItem } from "./items.ts";
import { decodeHead } from "./read-content.ts";

/** What the storage part of a snapshot holds, counted. */
export interface ContentSummary {
  readonly storeId: string;
  readonly records: number;
  readonly sessions: number;
  /** How many records there are of each type, as `group.Kind`; in the order of their keys. */
  readonly recordsByType: ReadonlyMap<string, number>;
}

/** Reads the storage part of a snapshot, every item of it, and keeps none. Rejects with `damaged`, `unsupported`. */
export async function summarizeContent(chunks: AsyncIterable<Uint8Array>): Promise<ContentSummary> {
  const reader = new ItemReader();
  const recordsByType = new Map<string, number>();
  let head: ReturnType<typeof decodeHead> | undefined;
  let [records, sessions] = [0, 0];
  for await (const chunk of chunks) {
    for (const bytes of reader.push(chunk)) {
      if (head === undefined) {
        head = decodeHead(bytes);
        continue;
      }
      const item = decodeItem(bytes);
      if (item.case === "record") {
        const { group, kind } = fromStoredRecordMessage(item.value).key;
        const type = `${group}.${kind}`;
        recordsByType.set(type, (recordsByType.get(type) ?? 0) + 1);
        records++;
      } else if (item.case === "session") sessions++;
      else throw unsupported("a snapshot has an item");
    }
  }
  reader.finish();
  if (head === undefined) throw damagedContent("it is empty");
  if (toNumber(head.records) !== records || toNumber(head.sessions) !== sessions) {
    throw damagedContent(
      `it announces ${head.records} records and ${head.sessions} sessions, found ${records} and ${sessions}`,
    );
  }
  return { storeId: head.storeId, records, sessions, recordsByType };
}
