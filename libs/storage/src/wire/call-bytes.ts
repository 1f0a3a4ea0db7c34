import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Call,
  CallSchema,
  MinimumPositionSchema,
  ReadSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { BackwardWriter, FieldScan } from "@trellis/resource/node";

import type { MinimumPosition, ReadOptions } from "../backend.ts";
import type { Key } from "../key.ts";
import { toVersion } from "../record.ts";
import { toMinimumMessage } from "./call-codec.ts";
import { commitIn, keyIn } from "./read-commit.ts";
import { CommitWriter, type WrittenCommit } from "./write-commit.ts";

type CallInit = NonNullable<MessageInitShape<typeof CallSchema>["call"]>;

/** What a call asks for: commits and reads as they are, everything else as its message. */
export type CallContent =
  | { readonly case: "commit"; readonly value: WrittenCommit }
  | { readonly case: "read"; readonly value: ReadContent }
  | Exclude<CallInit, { case: "commit" | "read" | undefined }>;

interface ReadContent {
  readonly key: Key;
  readonly strong: boolean;
  readonly minimum: MinimumPosition | undefined;
}

/** The number of a call in its stream. One beyond 2^53 stays as it came. */
export type CallId = number | bigint;

/** A call as it is received: what comes often is read, the rest is its message. */
export type ReceivedCall =
  | { readonly id: CallId; readonly case: "commit"; readonly commit: WrittenCommit }
  | { readonly id: CallId; readonly case: "read"; readonly key: Key; readonly options: ReadOptions }
  | { readonly id: CallId; readonly case: "message"; readonly message: Call };

const { id: idField, commit: commitField, read: readField } = CallSchema.field;
const reads = ReadSchema.field;
const minima = MinimumPositionSchema.field;

/** What fields begin with. */
const TAG = {
  id: idField.number * 8,
  commit: commitField.number * 8 + 2,
  read: readField.number * 8 + 2,
  key: reads.key.number * 8 + 2,
  strong: reads.strong.number * 8,
  minimum: reads.minimum.number * 8 + 2,
  storeId: minima.storeId.number * 8 + 2,
  version: minima.version.number * 8,
} as const;

const writer = new BackwardWriter();
const commits = new CommitWriter(writer);

/** The bytes of a `Call`, as the library encodes it. Throws `invalid` for numbers that are none, and a RangeError for versions. */
export function encodeCall(id: number, content: CallContent): Uint8Array<ArrayBuffer> {
  switch (content.case) {
    case "commit":
      writer.clear();
      commits.commit(content.value);
      writer.message(commitField.number, 0);
      break;
    case "read":
      writer.clear();
      writeRead(content.value);
      writer.message(readField.number, 0);
      break;
    default:
      return toBinary(CallSchema, create(CallSchema, { id: BigInt(id), call: content }));
  }
  writer.number(idField.number, id);
  return writer.finish();
}

function writeRead({ key, strong, minimum }: ReadContent): void {
  if (minimum !== undefined) {
    // Throws for a version that is none.
    const { storeId } = toMinimumMessage(minimum);
    const end = writer.length;
    writer.number(minima.version.number, minimum.version);
    writer.text(minima.storeId.number, storeId);
    writer.message(reads.minimum.number, end);
  }
  writer.number(reads.strong.number, Number(strong));
  commits.key(reads.key.number, key);
}

/** The call in the bytes of a `Call`. Throws INTERNAL for what is none, as the stream that they came by does. */
export function decodeCall(bytes: Uint8Array): ReceivedCall {
  return decodeFrequentCall(bytes) ?? decodeCallMessage(bytes);
}

/** A commit or a read, as this program or the library encodes them. Undefined for all other calls, and for what else may be said in bytes. */
export function decodeFrequentCall(bytes: Uint8Array): ReceivedCall | undefined {
  const scan = new FieldScan(bytes);
  const id = scan.number(TAG.id, bytes.length);
  const commitEnd = scan.enter(TAG.commit, bytes.length);
  let call: ReceivedCall | undefined;
  if (commitEnd !== undefined) {
    const encoded = bytes.subarray(scan.at, commitEnd);
    const { request, operations } = commitIn(scan, commitEnd);
    call = { id, case: "commit", commit: { request, operations, encoded } };
  } else {
    const readEnd = scan.enter(TAG.read, bytes.length);
    if (readEnd !== undefined) call = { id, case: "read", ...readIn(scan, readEnd) };
  }
  scan.leave(bytes.length);
  return scan.isAsExpected ? call : undefined;
}

function readIn(
  scan: FieldScan,
  end: number,
): { readonly key: Key; readonly options: Pick<ReadOptions, "consistency" | "minimum"> } {
  const key = keyIn(scan, scan.need(TAG.key, end));
  const isStrong = scan.flag(TAG.strong, end);
  const minimumEnd = scan.enter(TAG.minimum, end);
  const minimum = minimumEnd === undefined ? undefined : minimumIn(scan, minimumEnd);
  scan.leave(end);
  return { key, options: { consistency: isStrong ? "strong" : undefined, minimum } };
}

function minimumIn(scan: FieldScan, end: number): MinimumPosition {
  const storeId = scan.text(TAG.storeId, end);
  const version = toVersion(scan.number(TAG.version, end));
  scan.leave(end);
  return storeId === "" ? { version } : { version, storeId };
}

/** Any call, as its message. */
export function decodeCallMessage(bytes: Uint8Array): ReceivedCall {
  const message = byLibrary(() => fromBinary(CallSchema, bytes));
  return { id: toCallId(message.id), case: "message", message };
}

/** The number of a call, of a message. */
export function toCallId(id: bigint): CallId {
  return id <= Number.MAX_SAFE_INTEGER ? Number(id) : id;
}

/** What the library reads in a part of a message; it fails as the whole message would. */
export function byLibrary<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectError(`parse binary: ${why}`, Code.Internal, undefined, undefined, cause);
  }
}
