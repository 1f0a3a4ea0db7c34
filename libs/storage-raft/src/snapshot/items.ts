import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type SessionState as SessionMessage,
  type SnapshotItem,
  SnapshotItemSchema,
} from "@trellis/protos/trellis/storage/v1/snapshot_pb.js";

import type { StoredRecord } from "@trellis/storage";
import { FieldScan } from "@trellis/resource/node";
import { storedRecordIn } from "@trellis/storage/wire";

import { known, toNumber } from "../known.ts";
import type { RememberedResult, SessionState } from "../sessions.ts";
import { damagedContent } from "./item-stream.ts";

/** Encodes an item of a snapshot. */
export function encodeItem(
  item: NonNullable<MessageInitShape<typeof SnapshotItemSchema>["item"]>,
): Uint8Array {
  return toBinary(SnapshotItemSchema, create(SnapshotItemSchema, { item }));
}

/** Decodes an item of a snapshot. Throws `damaged`, and `unsupported` for what this version does not know. */
export function decodeItem(bytes: Uint8Array): SnapshotItem["item"] {
  let message: SnapshotItem;
  try {
    message = fromBinary(SnapshotItemSchema, bytes);
  } catch (error) {
    throw damagedContent("an item cannot be read", error);
  }
  return known(message, "an item of a snapshot").item;
}

/** `SnapshotItem.record`, with its length behind it. */
const RECORD = 0x1a;

/** A record that is an item by itself, read by hand, of which its bytes are a part; undefined for any other item, and for one that is not plain at a glance. */
export function decodePlainRecord(item: Uint8Array): StoredRecord | undefined {
  const scan = new FieldScan(item);
  const end = scan.enter(RECORD, item.length);
  if (end === undefined) return undefined;
  const record = storedRecordIn(scan, end);
  scan.leave(item.length);
  return scan.isAsExpected ? record : undefined;
}

/** A session as an item of a snapshot. */
export function encodeSession(session: SessionState): Uint8Array {
  const { id, openedAt, lastUsed, lowestUnanswered, results } = session;
  return encodeItem({
    case: "session",
    value: {
      id,
      openedAt: BigInt(openedAt),
      lastUsed: BigInt(lastUsed),
      lowestUnanswered: BigInt(lowestUnanswered),
      // In the order in which they came, which is that of their versions: so it follows from the state.
      results: [...results].map(([sequence, { version, refusal }]) => ({
        sequence: BigInt(sequence),
        version: BigInt(version),
        ...(refusal !== undefined && {
          refusal: { operation: refusal.operationIndex, precondition: refusal.preconditionIndex },
        }),
      })),
    },
  });
}

/** The session of an item. */
export function decodeSession(
  message: SessionMessage,
): SessionState & { readonly results: Map<number, RememberedResult> } {
  const { id, openedAt, lastUsed, lowestUnanswered, results } = known(message, "a session");
  return {
    id,
    openedAt: toNumber(openedAt),
    lastUsed: toNumber(lastUsed),
    lowestUnanswered: toNumber(lowestUnanswered),
    results: new Map(
      results.map((result): readonly [number, RememberedResult] => {
        const { sequence, version, refusal } = known(result, "a remembered result");
        return [
          toNumber(sequence),
          {
            version: toNumber(version),
            ...(refusal !== undefined && {
              refusal: {
                operationIndex: known(refusal, "a remembered refusal").operation,
                preconditionIndex: refusal.precondition,
              },
            }),
          },
        ];
      }),
    ),
  };
}
