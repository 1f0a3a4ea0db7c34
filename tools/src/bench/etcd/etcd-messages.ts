import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import { bytesAt, eachBytes, numberAt } from "../raw/protobuf-fields.ts";

/** The few messages of etcd's public API (`etcdserverpb`, version 3) that the bench sends and reads, by their field numbers. */

const { LengthDelimited, Varint } = WireType;

/** A request to put a value. */
export function putRequest(key: Uint8Array, value: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  return writer.tag(1, LengthDelimited).bytes(key).tag(2, LengthDelimited).bytes(value).finish();
}

/** A request for one key, or for those from `key` up to `end`. `serializable`: whatever the asked member has; else linearizable. */
export function rangeRequest({
  key,
  end,
  serializable = false,
}: {
  readonly key: Uint8Array;
  readonly end?: Uint8Array;
  readonly serializable?: boolean;
}): Uint8Array {
  const writer = new BinaryWriter().tag(1, LengthDelimited).bytes(key);
  if (end !== undefined) writer.tag(2, LengthDelimited).bytes(end);
  if (serializable) writer.tag(7, Varint).bool(true);
  return writer.finish();
}

/** A transaction that puts all; if `unchangedSince` is given, only if the key was last changed by that revision. */
export function putTransaction(
  puts: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[],
  unchangedSince?: { readonly key: Uint8Array; readonly revision: number },
): Uint8Array {
  const writer = new BinaryWriter();
  if (unchangedSince !== undefined) {
    // Compare: that the target MOD (2) of the key is EQUAL (0, which is not written) to a revision.
    writer.tag(1, LengthDelimited).fork().tag(2, Varint).int32(2);
    writer.tag(3, LengthDelimited).bytes(unchangedSince.key);
    writer.tag(6, Varint).int64(unchangedSince.revision).join();
  }
  for (const { key, value } of puts)
    writer.tag(2, LengthDelimited).fork().tag(2, LengthDelimited).bytes(putRequest(key, value)).join();
  return writer.finish();
}

/** A request on a watch's stream to be told of one key's changes. */
export function watchRequest(key: Uint8Array): Uint8Array {
  const writer = new BinaryWriter().tag(1, LengthDelimited).fork();
  return writer.tag(1, LengthDelimited).bytes(key).join().finish();
}

/** The store's revision in the header of any answer; 0 without one. */
export function revisionOf(answer: Uint8Array): number {
  const header = bytesAt(answer, 1);
  return header === undefined ? 0 : numberAt(header, 3);
}

/** Whether a transaction's condition held. */
export function hasSucceeded(txnResponse: Uint8Array): boolean {
  return numberAt(txnResponse, 2) === 1;
}

/** How many keys a range has. */
export function countOf(rangeResponse: Uint8Array): number {
  return eachBytes(rangeResponse, 2);
}

/** Whether an answer on a watch's stream says that the watch is there now. */
export function isCreated(watchResponse: Uint8Array): boolean {
  return numberAt(watchResponse, 3) === 1;
}

/** How many events an answer on a watch's stream has. */
export function eventsOf(watchResponse: Uint8Array): number {
  return eachBytes(watchResponse, 11);
}

/** Whether the asked member leads, by its answer to `Maintenance.Status`. */
export function leads(statusResponse: Uint8Array): boolean {
  const header = bytesAt(statusResponse, 1);
  // Ids have 64 bits: of a number, 53 are left, which tell three members apart.
  return header !== undefined && numberAt(header, 2) === numberAt(statusResponse, 4);
}
