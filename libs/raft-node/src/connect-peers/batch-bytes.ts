import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  AnnouncementSchema,
  type Batch,
  BatchSchema,
  PeerEntrySchema,
  PeerMessageSchema,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { type Entry, message, type Message } from "@trellis/raft";
import { BackwardWriter, FieldScan } from "@trellis/resource/node";

import type { Announcement } from "../peers.ts";
import {
  entryTypes,
  entryTypesByNumber,
  fromBatch,
  toBatch,
  typesByNumber,
  typesOnTheWire,
} from "./message-codec.ts";

/** What one member tells another at once. */
export interface MessageBatch {
  readonly messages: readonly Message[];
  readonly announcement: Announcement;
}

/** Who sends to whom, which is said once, when the stream opens. */
export interface Ends {
  readonly from: number;
  readonly to: number;
}

const batches = BatchSchema.field;
const announcements = AnnouncementSchema.field;
const fields = PeerMessageSchema.field;
const entries = PeerEntrySchema.field;

const number = (field: { readonly number: number }): number => field.number * 8;
const withLength = (field: { readonly number: number }): number => field.number * 8 + 2;

/** What fields begin with. */
const TAG = {
  messages: withLength(batches.messages),
  announcement: withLength(batches.announcement),
  featureLevel: number(announcements.featureLevel),
  hasSpace: number(announcements.hasSpace),
  applied: number(announcements.applied),
  type: number(fields.type),
  term: number(fields.term),
  logTerm: number(fields.logTerm),
  index: number(fields.index),
  entries: withLength(fields.entries),
  commit: number(fields.commit),
  reject: number(fields.reject),
  rejectHint: number(fields.rejectHint),
  context: withLength(fields.context),
  entryTerm: number(entries.term),
  entryIndex: number(entries.index),
  entryType: number(entries.type),
  data: withLength(entries.data),
} as const;

const writer = new BackwardWriter();

/** The bytes of a `Batch`, as the library encodes it. Throws a RangeError for a message that never leaves a node. */
export function encodeBatch({ messages, announcement }: MessageBatch): Uint8Array<ArrayBuffer> {
  if (messages.some(({ snapshot }) => snapshot !== undefined))
    return toBinary(BatchSchema, toBatch(messages, announcement));
  writer.clear();
  writer.number(announcements.applied.number, announcement.applied);
  writer.number(announcements.hasSpace.number, Number(announcement.hasSpace));
  writer.number(announcements.featureLevel.number, announcement.featureLevel);
  writer.message(batches.announcement.number, 0);
  for (const sent of messages.toReversed()) writeMessage(sent);
  return writer.finish();
}

function writeMessage(sent: Message): void {
  const type = typesOnTheWire.get(sent.type);
  if (type === undefined) throw new RangeError(`${sent.type} never leaves a node`);
  const end = writer.length;
  writer.bytes(fields.context.number, sent.context);
  writer.number(fields.rejectHint.number, sent.rejectHint);
  writer.number(fields.reject.number, Number(sent.reject));
  writer.number(fields.commit.number, sent.commit);
  for (let at = sent.entries.length - 1; at >= 0; at--) writeEntry(sent.entries[at]);
  writer.number(fields.index.number, sent.index);
  writer.number(fields.logTerm.number, sent.logTerm);
  writer.number(fields.term.number, sent.term);
  writer.number(fields.type.number, type);
  writer.message(batches.messages.number, end);
}

function writeEntry(entry: Entry | undefined): void {
  if (entry === undefined) return;
  const end = writer.length;
  writer.bytes(entries.data.number, entry.data);
  writer.number(entries.type.number, entryTypes.get(entry.type) ?? 0);
  writer.number(entries.index.number, entry.index);
  writer.number(entries.term.number, entry.term);
  writer.message(fields.entries.number, end);
}

/**
 * The messages in the bytes of a `Batch`, of which the data of entries are parts. Throws a RangeError for what no version of this protocol sends, and INTERNAL for what is no batch, as the stream that it came by
 * does.
 */
export function decodeBatch(bytes: Uint8Array, ends: Ends): MessageBatch {
  return decodeFrequentBatch(bytes, ends) ?? fromBatch(byLibrary(bytes), ends);
}

/** A batch without snapshots, as this program or the library encodes it. Undefined for all others, and for what else may be said in bytes. */
export function decodeFrequentBatch(bytes: Uint8Array, ends: Ends): MessageBatch | undefined {
  const scan = new FieldScan(bytes);
  const messages: Message[] = [];
  const { length } = bytes;
  for (let end = scan.enter(TAG.messages, length); end !== undefined; end = scan.enter(TAG.messages, length))
    messages.push(messageIn(scan, end, ends));
  const end = scan.need(TAG.announcement, length);
  const featureLevel = scan.number32(TAG.featureLevel, end);
  const hasSpace = scan.flag(TAG.hasSpace, end);
  const applied = scan.number(TAG.applied, end);
  scan.leave(end);
  scan.leave(length);
  return scan.isAsExpected ? { messages, announcement: { featureLevel, hasSpace, applied } } : undefined;
}

function messageIn(scan: FieldScan, end: number, { from, to }: Ends): Message {
  const type = typesByNumber.get(scan.number(TAG.type, end));
  if (type === undefined) scan.refuse();
  const found = message({
    type: type ?? "MsgApp",
    from,
    to,
    term: scan.number(TAG.term, end),
    logTerm: scan.number(TAG.logTerm, end),
    index: scan.number(TAG.index, end),
    entries: entriesIn(scan, end),
    commit: scan.number(TAG.commit, end),
    reject: scan.flag(TAG.reject, end),
    rejectHint: scan.number(TAG.rejectHint, end),
    context: scan.bytes(TAG.context, end),
  });
  scan.leave(end);
  return found;
}

function entriesIn(scan: FieldScan, end: number): readonly Entry[] {
  const found: Entry[] = [];
  for (let inner = scan.enter(TAG.entries, end); inner !== undefined; inner = scan.enter(TAG.entries, end)) {
    const term = scan.number(TAG.entryTerm, inner);
    const index = scan.number(TAG.entryIndex, inner);
    const type = entryTypesByNumber.get(scan.number(TAG.entryType, inner));
    if (type === undefined) scan.refuse();
    found.push({ term, index, type: type ?? "EntryNormal", data: scan.bytes(TAG.data, inner) });
    scan.leave(inner);
  }
  return found;
}

function byLibrary(bytes: Uint8Array): Batch {
  try {
    return fromBinary(BatchSchema, bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectError(`parse binary: ${why}`, Code.Internal, undefined, undefined, cause);
  }
}
