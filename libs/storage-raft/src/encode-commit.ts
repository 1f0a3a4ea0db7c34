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

/** The entry of the log for a commit, byte for byte as the library encodes it, at a fraction of the cost: every write of a store makes one. */
export function encodeCommit(command: Extract<Command, { kind: "commit" }>): Uint8Array<ArrayBuffer> {
  const numbers = command.request === undefined ? undefined : checked(command.request);
  writer.clear();
  for (const operation of command.operations.toReversed()) writeOperation(operation);
  if (numbers !== undefined) writeRequest(numbers);
  writer.message(commit.number, 0);
  return writer.finish(STORAGE_KIND);
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
  writer.text(id.number, given.session.id);
  writer.message(session.number, endOfSession);
  writer.message(request.number, end);
}

function writeOperation(operation: Operation): void {
  const end = writer.length;
  if (operation.kind === "put") writeRecord(operation.record);
  else writer.message(actions[operation.kind].number, end);
  for (const precondition of operation.preconditions.toReversed()) writePrecondition(precondition);
  writeKey(key.number, operation.key);
  writer.message(operations.number, end);
}

function writeRecord(record: RecordInit): void {
  const end = writer.length;
  writer.bytes(records.resource.number, record.bytes);
  writer.number(records.marked.number, Number(record.marked));
  if (record.owner !== undefined) writeOwner(record.owner);
  writer.text(records.generation.number, record.generation);
  writer.text(records.groupVersion.number, record.groupVersion);
  writer.text(records.uid.number, record.uid);
  writer.message(actions.put.number, end);
}

function writeOwner(owner: OwnerRef): void {
  const end = writer.length;
  writer.text(owners.uid.number, owner.uid);
  writeKey(owners.key.number, owner.key);
  writer.message(records.owner.number, end);
}

function writeKey(field: number, of: Key): void {
  const end = writer.length;
  writer.text(name.number, of.name);
  writer.text(namespace.number, of.namespace);
  writer.text(partition.number, of.partition);
  writer.text(kind.number, of.kind);
  writer.text(group.number, of.group);
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
      if (precondition.uid !== undefined) writer.presentText(incarnation.number, precondition.uid);
      writer.message(field, end);
      break;
    case "version":
      writer.presentNumber(field, precondition.version);
      break;
    case "generation":
      writer.presentText(field, precondition.generation);
  }
  writer.message(preconditions.number, end);
}
