import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { HardStateSchema } from "@trellis/protos/trellis/raft/v1/log_pb";

/** What a Raft node must not forget. */
export interface NodeHardState {
  readonly term: number;
  /** The member voted for in the term; 0 for none. */
  readonly vote: number;
  readonly commit: number;
}

/** Reads the hard state that a Raft node wrote; undefined for bytes that none did, which are the log's user's own affair. */
export function readHardState(bytes: Uint8Array): NodeHardState | undefined {
  try {
    const { term, vote, commit } = fromBinary(HardStateSchema, bytes);
    const numbers = [term, vote, commit].map(Number);
    const isAll =
      Buffer.compare(toBinary(HardStateSchema, create(HardStateSchema, { term, vote, commit })), bytes) === 0;
    if (!isAll || !numbers.every(Number.isSafeInteger)) return undefined;
    return { term: Number(term), vote: Number(vote), commit: Number(commit) };
  } catch {
    return undefined;
  }
}
