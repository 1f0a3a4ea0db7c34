import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OwnerSchema, StoredRecordSchema } from "@trellis/protos/trellis/storage/v1/record_pb.js";
import type { WatchBatch } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import type { StoredRecord } from "../record.ts";

/**
 * At least the bytes that messages take, without encoding them: their texts, one byte a character as names have it, and their content; and for the
 * tags, lengths and numbers between them this much for each message in the message.
 */
const FRAME_BYTES = 48;

type RecordShape = MessageInitShape<typeof StoredRecordSchema>;
type OwnerShape = MessageInitShape<typeof OwnerSchema>;
type KeyShape = RecordShape["key"];

/** The bytes that a stored record takes in a message. */
export function storedWeight(record: StoredRecord): number {
  const { key, uid, groupVersion, generation, owner, bytes } = record;
  return (
    2 * FRAME_BYTES +
    keyWeight(key) +
    textWeight(uid) +
    textWeight(groupVersion) +
    textWeight(generation) +
    ownerWeight(owner) +
    bytes.length
  );
}

/** The bytes of a stored record in a message. */
export function recordWeight(stored: RecordShape | undefined): number {
  if (stored === undefined) return 0;
  return FRAME_BYTES + keyWeight(stored.key) + contentWeight(stored.record);
}

/** The bytes that an encoded call or answer takes in a message. */
export function encodedWeight({ length }: Uint8Array): number {
  return FRAME_BYTES + length;
}

/** The bytes of a batch of a watch. */
export function watchBatchWeight({ batch }: WatchBatch): number {
  switch (batch.case) {
    case "snapshot":
      return FRAME_BYTES + sum(batch.value.records, recordWeight);
    case "commit":
      return (
        FRAME_BYTES +
        sum(
          batch.value.events,
          ({ event, previous }) => FRAME_BYTES + recordWeight(event.value) + recordWeight(previous),
        )
      );
    default:
      return FRAME_BYTES;
  }
}

function contentWeight(record: RecordShape["record"]): number {
  if (record === undefined) return 0;
  const { uid, groupVersion, generation, owner, resource } = record;
  return (
    FRAME_BYTES +
    textWeight(uid) +
    textWeight(groupVersion) +
    textWeight(generation) +
    ownerWeight(owner) +
    (resource?.length ?? 0)
  );
}

function ownerWeight(owner: OwnerShape | undefined): number {
  return owner === undefined ? 0 : FRAME_BYTES + keyWeight(owner.key) + textWeight(owner.uid);
}

function keyWeight(key: KeyShape): number {
  if (key === undefined) return 0;
  const { group, kind, partition, namespace, name } = key;
  return (
    FRAME_BYTES +
    textWeight(group) +
    textWeight(kind) +
    textWeight(partition) +
    textWeight(namespace) +
    textWeight(name)
  );
}

/** What is no text is in the frame of its message. */
function textWeight(text: unknown): number {
  return typeof text === "string" ? text.length : 0;
}

function sum<T>(items: readonly T[], weigh: (item: T) => number): number {
  return items.reduce((bytes, item) => bytes + weigh(item), 0);
}
