import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Key as KeyMessage,
  Owner as OwnerMessage,
  Record as RecordMessage,
  RecordSchema,
  StoredRecord as StoredRecordMessage,
  StoredRecordSchema,
} from "@trellis/protos/trellis/storage/v1/record_pb.js";

import type { Key } from "../key.ts";
import { type OwnerRef, type RecordInit, type StoredRecord, toVersion } from "../record.ts";
import { known, toNumber } from "./known.ts";

/** A record as messages carry it. */
export function toRecordMessage(record: RecordInit): MessageInitShape<typeof RecordSchema> {
  const { uid, groupVersion, generation, owner, marked, bytes } = record;
  return {
    uid,
    groupVersion,
    generation,
    marked,
    // The messages that this goes into are encoded at once, or keep stored bytes, which nobody changes.
    resource: bytes as Uint8Array<ArrayBuffer>,
    ...(owner !== undefined && { owner }),
  };
}

/** The record of a message; its bytes are the message's. */
export function fromRecordMessage(message: RecordMessage | undefined): RecordInit {
  const { uid, groupVersion, generation, owner, marked, resource } = known(message, "a record");
  return {
    uid,
    groupVersion,
    generation,
    owner: owner === undefined ? undefined : fromOwnerMessage(owner),
    marked,
    bytes: resource,
  };
}

/** The key of a message. */
export function fromKeyMessage(message: KeyMessage | undefined): Key {
  const { group, kind, partition, namespace, name } = known(message, "a key");
  return { group, kind, partition, namespace, name };
}

/** A stored record as messages carry it. */
export function toStoredRecordMessage(record: StoredRecord): MessageInitShape<typeof StoredRecordSchema> {
  return { key: record.key, version: BigInt(record.version), record: toRecordMessage(record) };
}

/** The stored record of a message; its bytes are the message's. */
export function fromStoredRecordMessage(message: StoredRecordMessage): StoredRecord {
  const { key, version, record } = known(message, "a stored record");
  return {
    key: fromKeyMessage(key),
    ...fromRecordMessage(record),
    version: toVersion(toNumber(version)),
  };
}

/** The owner of a message. */
export function fromOwnerMessage(message: OwnerMessage): OwnerRef {
  const { key, uid } = known(message, "an owner");
  return { key: fromKeyMessage(key), uid };
}
