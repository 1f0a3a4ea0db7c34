import { toNumber, unsupported } from "../known.ts";
import { damagedContent, ItemReader, ItemWriter } from "./item-stream.ts";
import { decodeItem } from "./items.ts";
import { decodeHead } from "./read-content.ts";
import { encodeHead } from "./write-content.ts";

/** Crockford's base 32, in which ULIDs are written. */
const BASE_32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_LENGTH = 26;
/** Hexadecimal digits of 128 bits. */
const CLUSTER_ID = /^[0-9a-f]{32}$/;

/**
 * The id of the store that a new cluster begins with: the 128 bits of the cluster's id, written as a ULID. So it is the same on all first members
 * without a word between them, and new with every formation, restore and forced recovery. Throws a RangeError for what is no cluster id.
 */
export function storeIdOf(clusterId: string): string {
  if (!CLUSTER_ID.test(clusterId)) {
    throw new RangeError(
      `expected a cluster id of 32 hexadecimal digits, found ${JSON.stringify(clusterId)}`,
    );
  }
  let rest = BigInt(`0x${clusterId}`);
  let id = "";
  for (let digit = 0; digit < ULID_LENGTH; digit++) {
    id = (BASE_32[Number(rest & 31n)] ?? "") + id;
    rest >>= 5n;
  }
  return id;
}

/** What a new cluster's storage begins with: an empty store without sessions. */
export async function* emptyContent(storeId: string): AsyncGenerator<Uint8Array> {
  const writer = new ItemWriter();
  yield* writer.add(encodeHead(storeId, 0, 0));
  yield* writer.end();
}

/**
 * What storage begins with after a restore or a forced recovery: the records of a snapshot's content in a new store. The sessions are left out:
 * what they remember may be of commits that were lost, and their origins are to be told that they are not known. Rejects with `damaged` and
 * `unsupported`.
 */
export async function* withNewStore(
  chunks: AsyncIterable<Uint8Array>,
  storeId: string,
): AsyncGenerator<Uint8Array> {
  const reader = new ItemReader();
  const writer = new ItemWriter();
  let isBegun = false;
  for await (const chunk of chunks) {
    for (const item of reader.push(chunk)) {
      if (!isBegun) {
        isBegun = true;
        yield* writer.add(encodeHead(storeId, 0, toNumber(decodeHead(item).records)));
        continue;
      }
      const kind = decodeItem(item).case;
      if (kind === undefined) throw unsupported("a snapshot has an item");
      if (kind === "record") yield* writer.add(item);
    }
  }
  reader.finish();
  if (!isBegun) throw damagedContent("it is empty");
  yield* writer.end();
}
