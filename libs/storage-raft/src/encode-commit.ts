import { StorageCommandSchema } from "@trellis/protos/trellis/storage/v1/log_pb.js";
import { BackwardWriter } from "@trellis/resource/node";
import { CommitWriter } from "@trellis/storage/wire";

import { type Command, STORAGE_KIND } from "./command.ts";

const { commit } = StorageCommandSchema.field;

const writer = new BackwardWriter();
const commits = new CommitWriter(writer);

/** A commit as an entry of the log. */
export interface EncodedCommit {
  readonly entry: Uint8Array<ArrayBuffer>;
  /** Whether all its texts are of ASCII alone: whoever reads the entry finds the same texts. Others may not be read as they were given. */
  readonly isPlain: boolean;
  /** How far before the end of the entry the bytes of each record that is put begin, from the last one on. */
  readonly recordStarts: readonly number[];
}

/** The entry of the log for a commit whose bytes are there. */
export function entryOf(encoded: Uint8Array): Uint8Array<ArrayBuffer> {
  writer.clear();
  writer.raw(encoded);
  writer.message(commit.number, 0);
  return writer.finish(STORAGE_KIND);
}

/** The entry of the log for a commit, byte for byte as the library encodes it, at a fraction of the cost: every write of a store makes one. */
export function encodeCommit(command: Extract<Command, { kind: "commit" }>): EncodedCommit {
  writer.clear();
  commits.commit(command);
  writer.message(commit.number, 0);
  return {
    entry: writer.finish(STORAGE_KIND),
    isPlain: commits.isPlain,
    recordStarts: commits.recordStarts,
  };
}
