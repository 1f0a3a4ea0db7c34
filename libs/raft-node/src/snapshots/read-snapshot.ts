import { RaftNodeError } from "../errors.ts";
import type { SnapshotHeader } from "../member.ts";
import { END_FRAME, type Frame, FrameDecoder, HEADER_FRAME } from "./frames.ts";
import { decodeHeader } from "./header.ts";
import type { StateChunk } from "./snapshot-store.ts";

/** What to do about a damaged file that somebody saved. */
const OF_A_FILE = "Use another snapshot, or save a new one from a server that runs";

/** A snapshot that is being read. */
export interface SnapshotReading {
  readonly header: SnapshotHeader;
  /** The chunks of the state machines, each checked; throws `damaged` at the latest at the end. Iterated once. */
  readonly chunks: AsyncGenerator<StateChunk>;
}

/**
 * Reads a snapshot from wherever its bytes come. Resolves with its header; whoever needs to know that it is whole reads the chunks to their end.
 * Rejects with `damaged`; `source` names it in the message.
 */
export async function readSnapshot(
  pieces: AsyncIterable<Uint8Array>,
  source: string,
): Promise<SnapshotReading> {
  const frames = framesOf(pieces, source);
  const first = await frames.next();
  if (first.done === true || first.value.kind !== HEADER_FRAME) {
    throw new RaftNodeError("damaged", `${source} is no snapshot: it ends before its header. ${OF_A_FILE}`);
  }
  return { header: decodeHeader(first.value.payload), chunks: chunksOf(frames) };
}

async function* framesOf(pieces: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<Frame> {
  const decoder = new FrameDecoder(source, OF_A_FILE);
  for await (const piece of pieces) {
    // Copies, for whoever takes them may keep them.
    for (const { kind, payload } of decoder.push(piece)) yield { kind, payload: new Uint8Array(payload) };
  }
  decoder.finish();
}

async function* chunksOf(frames: AsyncGenerator<Frame>): AsyncGenerator<StateChunk> {
  for await (const { kind, payload } of frames) if (kind !== END_FRAME) yield { kind, bytes: payload };
}
