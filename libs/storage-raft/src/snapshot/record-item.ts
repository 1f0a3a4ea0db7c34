import {
  KeySchema,
  OwnerSchema,
  RecordSchema,
  StoredRecordSchema,
} from "@trellis/protos/trellis/storage/v1/record_pb.js";
import { SnapshotItemSchema } from "@trellis/protos/trellis/storage/v1/snapshot_pb.js";
import { BackwardWriter } from "@trellis/resource/node";
import type { Key, OwnerRef } from "@trellis/storage";
import type { Alike, KeptRecord } from "@trellis/storage-memory";

const { record: item } = SnapshotItemSchema.field;
const { key, version, record } = StoredRecordSchema.field;
const { uid, groupVersion, generation, owner, marked, resource } = RecordSchema.field;
const { group, kind, partition, namespace, name } = KeySchema.field;
const owners = OwnerSchema.field;

/** What records that are alike have of their items, encoded once for those that follow each other. */
interface AlikeFields {
  readonly key: Uint8Array;
  readonly groupVersion: Uint8Array;
}

/**
 * Encodes records as items of a snapshot: the bytes that `encodeItem` gives, without a message, strings and a buffer for each. A million of them would
 * have the garbage collector look through the whole store again and again while it is written.
 */
export class RecordEncoder {
  readonly #writer = new BackwardWriter();
  /** What the last record had, and that encoded once a second one had it: where each has another, nothing is made for it. */
  #last: Alike | undefined;
  #fields: AlikeFields | undefined;

  /** The item. Valid until the next call. */
  encode(kept: KeptRecord): Uint8Array {
    const { alike } = kept;
    const fields = this.#fieldsOf(alike);
    const writer = this.#writer;
    writer.clear();
    kept.writeBytes(writer, resource.number);
    writer.number(marked.number, Number(kept.marked));
    if (kept.owner !== undefined) this.#owner(kept.owner);
    kept.writeGeneration(writer, generation.number);
    if (fields === undefined) writer.text(groupVersion.number, alike.groupVersion);
    else writer.raw(fields.groupVersion);
    kept.writeUid(writer, uid.number);
    writer.message(record.number, 0);
    writer.number(version.number, kept.version);
    const end = writer.length;
    writer.text(name.number, kept.name);
    if (fields === undefined) writePrefix(writer, alike);
    else writer.raw(fields.key);
    writer.message(key.number, end);
    writer.message(item.number, 0);
    return writer.written;
  }

  #fieldsOf(alike: Alike): AlikeFields | undefined {
    if (this.#last !== alike) {
      this.#last = alike;
      this.#fields = undefined;
      return undefined;
    }
    this.#fields ??= {
      key: this.#encoded((writer) => writePrefix(writer, alike)),
      groupVersion: this.#encoded((writer) => writer.text(groupVersion.number, alike.groupVersion)),
    };
    return this.#fields;
  }

  #encoded(write: (writer: BackwardWriter) => void): Uint8Array {
    this.#writer.clear();
    write(this.#writer);
    return Uint8Array.from(this.#writer.written);
  }

  #owner(of: OwnerRef): void {
    const writer = this.#writer;
    const end = writer.length;
    writer.text(owners.uid.number, of.uid);
    const endOfKey = writer.length;
    writer.text(name.number, of.key.name);
    writePrefix(writer, of.key);
    writer.message(owners.key.number, endOfKey);
    writer.message(owner.number, end);
  }
}

/** The fields of a key before its name. */
function writePrefix(writer: BackwardWriter, of: Omit<Key, "name">): void {
  writer.text(namespace.number, of.namespace);
  writer.text(partition.number, of.partition);
  writer.text(kind.number, of.kind);
  writer.text(group.number, of.group);
}
