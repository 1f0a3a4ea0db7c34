import {
  CommitSchema,
  IncarnationSchema,
  OperationSchema,
  PreconditionSchema,
  SessionRequestSchema,
  SessionSchema,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import {
  KeySchema,
  OwnerSchema,
  RecordSchema,
  StoredRecordSchema,
} from "@trellis/protos/trellis/storage/v1/record_pb.js";
import type { BackwardWriter } from "@trellis/resource/node";

import type { Key } from "../key.ts";
import type { Operation, Precondition } from "../operation.ts";
import type { OwnerRef, RecordInit, StoredRecord } from "../record.ts";
import { StandingCheck } from "../standing-check.ts";
import type { SessionRequest } from "../sessions.ts";
import { toRequestMessage } from "./session-codec.ts";

const { session: request, operations } = CommitSchema.field;
const { session, sequence, lowestUnanswered } = SessionRequestSchema.field;
const { id, openedAt } = SessionSchema.field;
const { key, preconditions, ...actions } = OperationSchema.field;
const conditions = PreconditionSchema.field;
const { uid: incarnation } = IncarnationSchema.field;
const { group, kind, partition, namespace, name } = KeySchema.field;
const owners = OwnerSchema.field;
const records = RecordSchema.field;
const stored = StoredRecordSchema.field;

/** Field numbers up to here take one byte, with the kind of what follows. */
const MAX_SHORT_FIELD = 15;
/** Lengths from here on take another byte each. */
const TWO_BYTE_LENGTH = 2 ** 7;
const THREE_BYTE_LENGTH = 2 ** 14;

/** What goes into the message of a commit. */
export interface WrittenCommit {
  /** Undefined for a commit outside of sessions. */
  readonly request: SessionRequest | undefined;
  readonly operations: readonly Operation[];
  /** The same as bytes of a `Commit`, where it was read of them: it is then written as it came. */
  readonly encoded?: Uint8Array | undefined;
}

/**
 * Writes what storage hands on with every call, byte for byte as the library encodes it, at a fraction of the cost. Each writes the fields of one message, in front of
 * what the writer has.
 */
export class CommitWriter {
  readonly #writer: BackwardWriter;
  #isPlain = true;
  #recordStarts: number[] = [];

  constructor(writer: BackwardWriter) {
    this.#writer = writer;
  }

  /** Whether all texts of the last commit that was encoded here are of ASCII alone: whoever reads it finds the same texts. Others may not be read as they were given. */
  get isPlain(): boolean {
    return this.#isPlain;
  }

  /** How far before the end of the last commit that was encoded here the bytes of each record that it puts begin, from the last one on. */
  get recordStarts(): readonly number[] {
    return this.#recordStarts;
  }

  /** The fields of a `Commit`. Throws `invalid` for numbers of the request that are none, and a RangeError for versions. */
  commit({ request: of, operations: given, encoded }: WrittenCommit): void {
    if (encoded !== undefined) {
      this.#writer.raw(encoded);
      return;
    }
    // Throws for numbers that are none before anything is written.
    if (of !== undefined) toRequestMessage(of);
    this.#isPlain = true;
    this.#recordStarts = [];
    for (let at = given.length - 1; at >= 0; at--) {
      const operation = given[at] as Operation;
      if (operation instanceof StandingCheck) this.#standing(operation);
      else this.#operation(operation);
    }
    if (of !== undefined) this.#request(of);
  }

  /** A `Key` in a field. */
  key(field: number, of: Key): void {
    const writer = this.#writer;
    const end = writer.length;
    this.#text(name.number, of.name);
    this.#text(namespace.number, of.namespace);
    this.#text(partition.number, of.partition);
    this.#text(kind.number, of.kind);
    this.#text(group.number, of.group);
    writer.message(field, end);
  }

  /** A `StoredRecord` in a field. */
  storedRecord(field: number, of: StoredRecord): void {
    const writer = this.#writer;
    const end = writer.length;
    this.#record(stored.record.number, of);
    writer.number(stored.version.number, of.version);
    this.key(stored.key.number, of.key);
    writer.message(field, end);
  }

  #request(given: SessionRequest): void {
    const writer = this.#writer;
    const end = writer.length;
    writer.number(lowestUnanswered.number, given.lowestUnanswered);
    writer.number(sequence.number, given.sequence);
    const endOfSession = writer.length;
    writer.number(openedAt.number, given.session.openedAt);
    this.#text(id.number, given.session.id);
    writer.message(session.number, endOfSession);
    writer.message(request.number, end);
  }

  /** Most commits have the same ones. Those that are not plain are encoded each time, for it to be told. */
  #standing(check: StandingCheck): void {
    const writer = this.#writer;
    if (check.encoding !== undefined) {
      writer.raw(check.encoding);
      return;
    }
    const wasPlain = this.#isPlain;
    const end = writer.length;
    this.#isPlain = true;
    this.#operation(check);
    if (this.#isPlain) check.encodedAs(new Uint8Array(writer.written.subarray(0, writer.length - end)));
    this.#isPlain &&= wasPlain;
  }

  #operation(operation: Operation): void {
    const writer = this.#writer;
    const end = writer.length;
    if (operation.kind === "put") {
      this.#recordStarts.push(end + operation.record.bytes.length);
      this.#record(actions.put.number, operation.record);
    } else writer.message(actions[operation.kind].number, end);
    const { preconditions: given } = operation;
    for (let at = given.length - 1; at >= 0; at--) this.#precondition(given[at] as Precondition);
    this.key(key.number, operation.key);
    writer.message(operations.number, end);
  }

  #record(field: number, record: RecordInit): void {
    const writer = this.#writer;
    const end = writer.length;
    writer.bytes(records.resource.number, record.bytes);
    writer.number(records.marked.number, Number(record.marked));
    if (record.owner !== undefined) this.#owner(record.owner);
    this.#text(records.generation.number, record.generation);
    this.#text(records.groupVersion.number, record.groupVersion);
    this.#text(records.uid.number, record.uid);
    writer.message(field, end);
  }

  #owner(owner: OwnerRef): void {
    const end = this.#writer.length;
    this.#text(owners.uid.number, owner.uid);
    this.key(owners.key.number, owner.key);
    this.#writer.message(records.owner.number, end);
  }

  #precondition(precondition: Precondition): void {
    const writer = this.#writer;
    const end = writer.length;
    const field = conditions[precondition.kind].number;
    switch (precondition.kind) {
      case "absent":
        writer.message(field, end);
        break;
      case "exists":
      case "live":
        if (precondition.uid !== undefined) this.#presentText(incarnation.number, precondition.uid);
        writer.message(field, end);
        break;
      case "version":
        writer.presentNumber(field, precondition.version);
        break;
      case "generation":
        this.#presentText(field, precondition.generation);
    }
    writer.message(preconditions.number, end);
  }

  #text(field: number, value: string): void {
    const before = this.#writer.length;
    this.#writer.text(field, value);
    this.#notePlain(field, value, this.#writer.length - before);
  }

  #presentText(field: number, value: string): void {
    const before = this.#writer.length;
    this.#writer.presentText(field, value);
    if (value !== "") this.#notePlain(field, value, this.#writer.length - before);
  }

  /** A text is of ASCII alone if, and only if, it takes a byte for each of its units, besides its field and its length. */
  #notePlain(field: number, { length }: string, written: number): void {
    const head = length < TWO_BYTE_LENGTH ? 2 : length < THREE_BYTE_LENGTH ? 3 : Number.NaN;
    if (field > MAX_SHORT_FIELD || written !== (length === 0 ? 0 : length + head)) this.#isPlain = false;
  }
}
