import {
  CommitSchema,
  IncarnationSchema,
  OperationSchema,
  PreconditionSchema,
  SessionRequestSchema,
  SessionSchema,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import { StorageCommandSchema } from "@trellis/protos/trellis/storage/v1/log_pb.js";
import { KeySchema, OwnerSchema, RecordSchema } from "@trellis/protos/trellis/storage/v1/record_pb.js";
import { BackwardWriter } from "@trellis/resource/node";
import type { Key, Operation, OwnerRef, Precondition, RecordInit, SessionRequest } from "@trellis/storage";
import { toRequestMessage } from "@trellis/storage/wire";

import { type Command, STORAGE_KIND } from "./command.ts";

const { commit } = StorageCommandSchema.field;
const { session: request, operations } = CommitSchema.field;
const { session, sequence, lowestUnanswered } = SessionRequestSchema.field;
const { id, openedAt } = SessionSchema.field;
const { key, preconditions, ...actions } = OperationSchema.field;
const conditions = PreconditionSchema.field;
const { uid: incarnation } = IncarnationSchema.field;
const { group, kind, partition, namespace, name } = KeySchema.field;
const owners = OwnerSchema.field;
const records = RecordSchema.field;

const writer = new BackwardWriter();
/** Field numbers up to here take one byte, with the kind of what follows. */
const MAX_SHORT_FIELD = 15;
/** Lengths from here on take another byte each. */
const TWO_BYTE_LENGTH = 2 ** 7;
const THREE_BYTE_LENGTH = 2 ** 14;

/** Whether all texts so far are of ASCII alone. */
let isPlain = true;
/** How far before the end of the entry the bytes of each record begin, from the last operation on. */
let recordStarts: number[] = [];

/** A commit as an entry of the log. */
export interface EncodedCommit {
  readonly entry: Uint8Array<ArrayBuffer>;
  /** Whether all its texts are of ASCII alone: whoever reads the entry finds the same texts. Others may not be read as they were given. */
  readonly isPlain: boolean;
  /** How far before the end of the entry the bytes of each record that is put begin, from the last one on. */
  readonly recordStarts: readonly number[];
}

/** The entry of the log for a commit, byte for byte as the library encodes it, at a fraction of the cost: every write of a store makes one. */
export function encodeCommit(command: Extract<Command, { kind: "commit" }>): EncodedCommit {
  const numbers = command.request === undefined ? undefined : checked(command.request);
  writer.clear();
  isPlain = true;
  recordStarts = [];
  const { operations: given } = command;
  for (let at = given.length - 1; at >= 0; at--) writeOperation(given[at] as Operation);
  if (numbers !== undefined) writeRequest(numbers);
  writer.message(commit.number, 0);
  return { entry: writer.finish(STORAGE_KIND), isPlain, recordStarts };
}

function writeText(field: number, value: string): void {
  const before = writer.length;
  writer.text(field, value);
  notePlain(field, value, writer.length - before);
}

function writePresentText(field: number, value: string): void {
  const before = writer.length;
  writer.presentText(field, value);
  if (value !== "") notePlain(field, value, writer.length - before);
}

/** A text is of ASCII alone if, and only if, it takes a byte for each of its units, besides its field and its length. */
function notePlain(field: number, { length }: string, written: number): void {
  const head = length < TWO_BYTE_LENGTH ? 2 : length < THREE_BYTE_LENGTH ? 3 : Number.NaN;
  if (field > MAX_SHORT_FIELD || written !== (length === 0 ? 0 : length + head)) isPlain = false;
}

/** Throws for numbers that are none before anything is written. */
function checked(given: SessionRequest): SessionRequest {
  toRequestMessage(given);
  return given;
}

function writeRequest(given: SessionRequest): void {
  const end = writer.length;
  writer.number(lowestUnanswered.number, given.lowestUnanswered);
  writer.number(sequence.number, given.sequence);
  const endOfSession = writer.length;
  writer.number(openedAt.number, given.session.openedAt);
  writeText(id.number, given.session.id);
  writer.message(session.number, endOfSession);
  writer.message(request.number, end);
}

function writeOperation(operation: Operation): void {
  const end = writer.length;
  if (operation.kind === "put") writeRecord(operation.record);
  else writer.message(actions[operation.kind].number, end);
  const { preconditions: given } = operation;
  for (let at = given.length - 1; at >= 0; at--) writePrecondition(given[at] as Precondition);
  writeKey(key.number, operation.key);
  writer.message(operations.number, end);
}

function writeRecord(record: RecordInit): void {
  const end = writer.length;
  recordStarts.push(end + record.bytes.length);
  writer.bytes(records.resource.number, record.bytes);
  writer.number(records.marked.number, Number(record.marked));
  if (record.owner !== undefined) writeOwner(record.owner);
  writeText(records.generation.number, record.generation);
  writeText(records.groupVersion.number, record.groupVersion);
  writeText(records.uid.number, record.uid);
  writer.message(actions.put.number, end);
}

function writeOwner(owner: OwnerRef): void {
  const end = writer.length;
  writeText(owners.uid.number, owner.uid);
  writeKey(owners.key.number, owner.key);
  writer.message(records.owner.number, end);
}

function writeKey(field: number, of: Key): void {
  const end = writer.length;
  writeText(name.number, of.name);
  writeText(namespace.number, of.namespace);
  writeText(partition.number, of.partition);
  writeText(kind.number, of.kind);
  writeText(group.number, of.group);
  writer.message(field, end);
}

function writePrecondition(precondition: Precondition): void {
  const end = writer.length;
  const field = conditions[precondition.kind].number;
  switch (precondition.kind) {
    case "absent":
      writer.message(field, end);
      break;
    case "exists":
    case "live":
      if (precondition.uid !== undefined) writePresentText(incarnation.number, precondition.uid);
      writer.message(field, end);
      break;
    case "version":
      writer.presentNumber(field, precondition.version);
      break;
    case "generation":
      writePresentText(field, precondition.generation);
  }
  writer.message(preconditions.number, end);
}
