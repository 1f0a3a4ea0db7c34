import { fromBinary } from "@bufbuild/protobuf";
import { HardStateSchema } from "@trellis/protos/trellis/raft/v1/log_pb.js";
import { emptyHardState, type Entry, type EntryType, type HardState } from "@trellis/raft";
import { BackwardWriter } from "@trellis/resource/node";
import type { Entry as WalEntry } from "@trellis/wal";

/** The type byte of the node's own commands. */
export const NODE_KIND = 1;
/** State machines have the type bytes from here ... */
export const FIRST_MACHINE_KIND = 2;
/** ... to here; those above mark membership changes in the log on disk. */
export const LAST_MACHINE_KIND = 127;

/** How an entry of the log says on disk that it changes the membership; all others are as they were proposed. */
const confChangeMarks = { EntryConfChange: 0x80, EntryConfChangeV2: 0x81 } as const;

/** An entry as the log on disk keeps it: the proposed bytes, or the mark of a membership change and its bytes. */
export function toWalEntry({ index, term, type, data }: Entry): WalEntry {
  if (type === "EntryNormal") return { index, term, bytes: data };
  const bytes = new Uint8Array(1 + data.length);
  bytes[0] = confChangeMarks[type];
  bytes.set(data, 1);
  return { index, term, bytes };
}

/** The entry that the log on disk keeps. */
export function fromWalEntry({ index, term, bytes }: WalEntry): Entry {
  const type = typeOf(bytes[0]);
  return { index, term, type, data: type === "EntryNormal" ? bytes : bytes.subarray(1) };
}

function typeOf(first: number | undefined): EntryType {
  if (first === confChangeMarks.EntryConfChange) return "EntryConfChange";
  if (first === confChangeMarks.EntryConfChangeV2) return "EntryConfChangeV2";
  return "EntryNormal";
}

const fields = HardStateSchema.field;
const writer = new BackwardWriter();

/** What must survive a crash, as the log on disk keeps it: written with each batch. */
export function encodeHardState({ term, vote, commit }: HardState): Uint8Array {
  writer.clear();
  writer.number(fields.commit.number, commit);
  writer.number(fields.vote.number, vote);
  writer.number(fields.term.number, term);
  return writer.finish();
}

/** The hard state of a log that never had one is empty. Throws for bytes that are none. */
export function decodeHardState(bytes: Uint8Array | undefined): HardState {
  if (bytes === undefined) return emptyHardState;
  const { term, vote, commit } = fromBinary(HardStateSchema, bytes);
  return { term: Number(term), vote: Number(vote), commit: Number(commit) };
}
