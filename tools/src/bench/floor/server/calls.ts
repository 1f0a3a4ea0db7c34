import { constants, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";

/** Takes the whole body of a call, and answers the call, now or later. */
export type TakeCall = (call: ServerHttp2Stream, body: Buffer) => void;

/** What has come of a call; the listeners are the same functions for all calls of a server, which costs less than some for each. */
const CHUNKS = Symbol("chunks");
type CollectedCall = ServerHttp2Stream & { [CHUNKS]?: Buffer[] };

/** Calls and streams of one connection at a time. */
const MAX_CONCURRENT_STREAMS = 5_000;
/** Pieces that one call may come in, each of a frame of 16 KiB at most. A batch of a hundred resources takes 75 KB. */
const MAX_CHUNKS = 32;

const HEAD = { ":status": 200, "content-type": "application/grpc" };
const WITH_TRAILERS = { waitForTrailers: true };
const SUCCESS = { "grpc-status": "0" };
/** RESOURCE_EXHAUSTED. */
const REFUSAL = { ...HEAD, "grpc-status": "8" };

/** A server of HTTP/2 without anything yet. */
export function createFloorServer(): Http2Server {
  return createServer({ settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS } });
}

/** Makes what collects the body of a stream and then gives both to `take`. */
export function collector(take: TakeCall): (stream: ServerHttp2Stream) => void {
  function onData(this: CollectedCall, chunk: Buffer): void {
    const chunks = this[CHUNKS] ?? [];
    if (chunks.length < MAX_CHUNKS) chunks.push(chunk);
    else this.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
  function onEnd(this: CollectedCall): void {
    const chunks = this[CHUNKS] ?? [];
    // A stream that was reset before all had come ends as well.
    if (!this.aborted && !this.closed)
      take(this, chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
  }
  return (stream: CollectedCall) => {
    stream[CHUNKS] = [];
    stream.on("error", ignore);
    stream.on("data", onData);
    stream.on("end", onEnd);
  };
}

/** Answers a call with success, if its client still waits. */
export function answer(call: ServerHttp2Stream, body: Buffer): void {
  if (call.destroyed || call.closed) return;
  beginAnswer(call);
  call.end(body);
}

/** Begins an answer, which is a success once it is ended. That each write of it takes a tenth less with trailers to come was measured. */
export function beginAnswer(call: ServerHttp2Stream): void {
  call.respond(HEAD, WITH_TRAILERS);
  call.on("wantTrailers", sendSuccess);
}

/** Answers a call for which there is no room. */
export function refuse(call: ServerHttp2Stream): void {
  call.respond(REFUSAL, { endStream: true });
}

/** A client that goes away is no failure of the server's. */
export function ignore(): void {}

function sendSuccess(this: ServerHttp2Stream): void {
  try {
    this.sendTrailers(SUCCESS);
  } catch {
    // Nobody could catch what is thrown here. A call without its trailers is one that failed (gRPC over HTTP/2, "Responses").
    this.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
