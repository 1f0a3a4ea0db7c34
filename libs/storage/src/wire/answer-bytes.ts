import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CommitResultSchema } from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import {
  type Answer,
  AnswerSchema,
  ListResultSchema,
  PositionSchema,
  ReadResultSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { BackwardWriter, FieldScan, RecurringText } from "@trellis/resource/node";

import type { ListResult, Position, ReadResult } from "../backend.ts";
import { type StoredRecord, toVersion } from "../record.ts";
import type { AppliedCommit, RefusedCommit } from "../sessions.ts";
import { byLibrary, type CallId, toCallId } from "./call-bytes.ts";
import { toCommitResultMessage, toListResultMessage, toReadResultMessage } from "./call-codec.ts";
import { BATCH_BYTES } from "./protocol.ts";
import { storedRecordIn } from "./read-commit.ts";
import { CommitWriter } from "./write-commit.ts";

/** What a call is answered with: commits, reads and lists as they are, everything else as its message. */
export type AnswerContent =
  | { readonly case: "committed"; readonly value: AppliedCommit | RefusedCommit }
  | { readonly case: "read"; readonly value: ReadResult }
  | { readonly case: "list"; readonly value: ListResult }
  | Exclude<Answer["answer"], { case: "committed" | "read" | "list" }>;

/** What of an answer is read already: a commit that was applied, and what a read or a list found. */
export type FrequentAnswer =
  | { readonly case: "applied"; readonly value: AppliedCommit }
  | { readonly case: "found"; readonly value: ReadResult }
  | { readonly case: "listed"; readonly value: ListResult };

/** An answer as it is received. */
export type ReceivedAnswer = FrequentAnswer | Answer["answer"];

const { id: idField, committed: committedField, read: readField, list: listField } = AnswerSchema.field;
const results = CommitResultSchema.field;
const reads = ReadResultSchema.field;
const lists = ListResultSchema.field;
const positions = PositionSchema.field;

/** What fields begin with. */
const TAG = {
  id: idField.number * 8,
  committed: committedField.number * 8 + 2,
  appliedVersion: results.version.number * 8,
  read: readField.number * 8 + 2,
  record: reads.record.number * 8 + 2,
  position: reads.position.number * 8 + 2,
  list: listField.number * 8 + 2,
  listed: lists.records.number * 8 + 2,
  more: lists.more.number * 8,
  listPosition: lists.position.number * 8 + 2,
  storeId: positions.storeId.number * 8 + 2,
  version: positions.version.number * 8,
} as const;

/** A list is told in answers of {@link BATCH_BYTES}, and a writer takes twice a message's size at most. */
const LIST_MEMORY_BYTES = 3 * BATCH_BYTES;

const writer = new BackwardWriter();
const records = new CommitWriter(writer);
/** Lists are long: the memory for one is that for the next. */
const listWriter = new BackwardWriter(LIST_MEMORY_BYTES);
const listedRecords = new CommitWriter(listWriter);
const recentStore = new RecurringText();

/** The bytes of an `Answer`, as the library encodes it. */
export function encodeAnswer(id: CallId, content: AnswerContent): Uint8Array<ArrayBuffer> {
  if (typeof id === "number") {
    if (content.case === "committed" && content.value.outcome === "applied") {
      writer.clear();
      writer.number(results.version.number, content.value.version);
      return finished(writer, committedField.number, id);
    }
    if (content.case === "read") {
      writer.clear();
      writeRead(content.value);
      return finished(writer, readField.number, id);
    }
    if (content.case === "list") {
      listWriter.clear();
      writeList(content.value);
      return finished(listWriter, listField.number, id);
    }
  }
  return toBinary(AnswerSchema, create(AnswerSchema, { id: BigInt(id), answer: toMessage(content) }));
}

/** An answer of what was written, in its field. */
function finished(written: BackwardWriter, field: number, id: number): Uint8Array<ArrayBuffer> {
  written.message(field, 0);
  written.number(idField.number, id);
  return written.finish();
}

function writeRead({ record, position }: ReadResult): void {
  writePosition(writer, reads.position.number, position);
  if (record !== undefined) records.storedRecord(reads.record.number, record);
}

function writeList({ records: listed, more, position }: ListResult): void {
  writePosition(listWriter, lists.position.number, position);
  listWriter.number(lists.more.number, Number(more));
  for (let at = listed.length - 1; at >= 0; at--)
    listedRecords.storedRecord(lists.records.number, listed[at] as StoredRecord);
}

function writePosition(to: BackwardWriter, field: number, { storeId, version }: Position): void {
  const end = to.length;
  to.number(positions.version.number, version);
  to.text(positions.storeId.number, storeId);
  to.message(field, end);
}

function toMessage(content: AnswerContent): Answer["answer"] {
  switch (content.case) {
    case "committed":
      return { case: "committed", value: toCommitResultMessage(content.value) };
    case "read":
      return { case: "read", value: toReadResultMessage(content.value) };
    case "list":
      return { case: "list", value: toListResultMessage(content.value) };
    default:
      return content;
  }
}

/** The answer in the bytes of an `Answer`, and to which call. Throws INTERNAL for what is none, as the stream that they came by does. */
export function decodeAnswer(bytes: Uint8Array): { readonly id: CallId; readonly answer: ReceivedAnswer } {
  return decodeFrequentAnswer(bytes) ?? decodeAnswerMessage(bytes);
}

/** A commit that was applied, or what a read or a list found. Undefined for all other answers, and for what else may be said in bytes. */
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
    const listEnd = readEnd === undefined ? scan.enter(TAG.list, bytes.length) : undefined;
    if (readEnd !== undefined) answer = { case: "found", value: readIn(scan, readEnd) };
    else if (listEnd !== undefined) answer = { case: "listed", value: listIn(scan, listEnd) };
  }
  scan.leave(bytes.length);
  return answer !== undefined && scan.isAsExpected ? { id, answer } : undefined;
}

function readIn(scan: FieldScan, end: number): ReadResult {
  const recordEnd = scan.enter(TAG.record, end);
  const record = recordEnd === undefined ? undefined : storedRecordIn(scan, recordEnd);
  const position = positionIn(scan, scan.need(TAG.position, end));
  scan.leave(end);
  return { record, position };
}

function listIn(scan: FieldScan, end: number): ListResult {
  const listed: StoredRecord[] = [];
  for (let inner = scan.enter(TAG.listed, end); inner !== undefined; inner = scan.enter(TAG.listed, end))
    listed.push(storedRecordIn(scan, inner));
  const more = scan.flag(TAG.more, end);
  const position = positionIn(scan, scan.need(TAG.listPosition, end));
  scan.leave(end);
  return { records: listed, more, position };
}

function positionIn(scan: FieldScan, end: number): Position {
  const position: Position = {
    storeId: scan.text(TAG.storeId, end, recentStore),
    version: toVersion(scan.number(TAG.version, end)),
  };
  scan.leave(end);
  return position;
}

/** Any answer, as its message. */
export function decodeAnswerMessage(bytes: Uint8Array): {
  readonly id: CallId;
  readonly answer: Answer["answer"];
} {
  const message = byLibrary(() => fromBinary(AnswerSchema, bytes));
  return { id: toCallId(message.id), answer: message.answer };
}
