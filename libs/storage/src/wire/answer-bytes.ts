import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CommitResultSchema } from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import {
  type Answer,
  AnswerSchema,
  PositionSchema,
  ReadResultSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { BackwardWriter, FieldScan, RecurringText } from "@trellis/resource/node";

import type { Position, ReadResult } from "../backend.ts";
import { toVersion } from "../record.ts";
import type { AppliedCommit, RefusedCommit } from "../sessions.ts";
import { byLibrary, type CallId, toCallId } from "./call-bytes.ts";
import { toCommitResultMessage, toReadResultMessage } from "./call-codec.ts";
import { storedRecordIn } from "./read-commit.ts";
import { CommitWriter } from "./write-commit.ts";

/** What a call is answered with: commits and reads as they are, everything else as its message. */
export type AnswerContent =
  | { readonly case: "committed"; readonly value: AppliedCommit | RefusedCommit }
  | { readonly case: "read"; readonly value: ReadResult }
  | Exclude<Answer["answer"], { case: "committed" | "read" }>;

/** What of an answer is read already: a commit that was applied, and what a read found. */
export type FrequentAnswer =
  | { readonly case: "applied"; readonly value: AppliedCommit }
  | { readonly case: "found"; readonly value: ReadResult };

/** An answer as it is received. */
export type ReceivedAnswer = FrequentAnswer | Answer["answer"];

const { id: idField, committed: committedField, read: readField } = AnswerSchema.field;
const results = CommitResultSchema.field;
const reads = ReadResultSchema.field;
const positions = PositionSchema.field;

/** What fields begin with. */
const TAG = {
  id: idField.number * 8,
  committed: committedField.number * 8 + 2,
  appliedVersion: results.version.number * 8,
  read: readField.number * 8 + 2,
  record: reads.record.number * 8 + 2,
  position: reads.position.number * 8 + 2,
  storeId: positions.storeId.number * 8 + 2,
  version: positions.version.number * 8,
} as const;

const writer = new BackwardWriter();
const records = new CommitWriter(writer);
const recentStore = new RecurringText();

/** The bytes of an `Answer`, as the library encodes it. */
export function encodeAnswer(id: CallId, content: AnswerContent): Uint8Array<ArrayBuffer> {
  if (typeof id === "number") {
    if (content.case === "committed" && content.value.outcome === "applied") {
      writer.clear();
      writer.number(results.version.number, content.value.version);
      writer.message(committedField.number, 0);
      writer.number(idField.number, id);
      return writer.finish();
    }
    if (content.case === "read") {
      writer.clear();
      writeRead(content.value);
      writer.message(readField.number, 0);
      writer.number(idField.number, id);
      return writer.finish();
    }
  }
  return toBinary(AnswerSchema, create(AnswerSchema, { id: BigInt(id), answer: toMessage(content) }));
}

function writeRead({ record, position }: ReadResult): void {
  const end = writer.length;
  writer.number(positions.version.number, position.version);
  writer.text(positions.storeId.number, position.storeId);
  writer.message(reads.position.number, end);
  if (record !== undefined) records.storedRecord(reads.record.number, record);
}

function toMessage(content: AnswerContent): Answer["answer"] {
  switch (content.case) {
    case "committed":
      return { case: "committed", value: toCommitResultMessage(content.value) };
    case "read":
      return { case: "read", value: toReadResultMessage(content.value) };
    default:
      return content;
  }
}

/** The answer in the bytes of an `Answer`, and to which call. Throws INTERNAL for what is none, as the stream that they came by does. */
export function decodeAnswer(bytes: Uint8Array): { readonly id: CallId; readonly answer: ReceivedAnswer } {
  return decodeFrequentAnswer(bytes) ?? decodeAnswerMessage(bytes);
}

/** A commit that was applied, or what a read found. Undefined for all other answers, and for what else may be said in bytes. */
export function decodeFrequentAnswer(
  bytes: Uint8Array,
): { readonly id: number; readonly answer: FrequentAnswer } | undefined {
  const scan = new FieldScan(bytes);
  const id = scan.number(TAG.id, bytes.length);
  let answer: FrequentAnswer | undefined;
  const committedEnd = scan.enter(TAG.committed, bytes.length);
  if (committedEnd !== undefined) {
    const version = toVersion(scan.number(TAG.appliedVersion, committedEnd));
    scan.leave(committedEnd);
    answer = { case: "applied", value: { outcome: "applied", version } };
  } else {
    const readEnd = scan.enter(TAG.read, bytes.length);
    if (readEnd !== undefined) answer = { case: "found", value: readIn(scan, readEnd) };
  }
  scan.leave(bytes.length);
  return answer !== undefined && scan.isAsExpected ? { id, answer } : undefined;
}

function readIn(scan: FieldScan, end: number): ReadResult {
  const recordEnd = scan.enter(TAG.record, end);
  const record = recordEnd === undefined ? undefined : storedRecordIn(scan, recordEnd);
  const positionEnd = scan.need(TAG.position, end);
  const position: Position = {
    storeId: scan.text(TAG.storeId, positionEnd, recentStore),
    version: toVersion(scan.number(TAG.version, positionEnd)),
  };
  scan.leave(positionEnd);
  scan.leave(end);
  return { record, position };
}

/** Any answer, as its message. */
export function decodeAnswerMessage(bytes: Uint8Array): {
  readonly id: CallId;
  readonly answer: Answer["answer"];
} {
  const message = byLibrary(() => fromBinary(AnswerSchema, bytes));
  return { id: toCallId(message.id), answer: message.answer };
}
