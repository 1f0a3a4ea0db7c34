import { constants } from "node:http2";

import type { Clock } from "@trellis/resource";

import { isFlowing } from "./flowing-body.ts";
import { isGone, type NodeResponse } from "./node-exchange.ts";
import { TurnWriter } from "./turn-writer.ts";
import type { WriteAhead } from "./write-ahead.ts";

/** A response on its way out, whatever made it. */
export interface OutgoingResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Changes each chunk of a streamed body just before it is written, but for the messages that it gives by itself. */
  readonly transform?: ((chunk: Uint8Array) => Uint8Array | Promise<Uint8Array>) | undefined;
  /** Asked once the body is written. */
  readonly trailers?: (() => Headers) | undefined;
  /** Sends the headers before the first chunk is there. */
  readonly flush?: boolean | undefined;
}

/** How a response is written. */
export interface WriteOptions {
  readonly clock: Clock;
  /** How long the client may leave written bytes unread. */
  readonly stallMs: number;
  /** What all responses may have been given ahead. */
  readonly ahead: WriteAhead;
  /** Called when everything is on its way. An HTTP/2 response counts as finished only once the client has sent all of its request, too. */
  readonly onEnded: () => void;
}

/** Writes a response. Never throws for a client that went away; throws what the body throws before its first chunk. */
export async function writeResponse(
  response: NodeResponse,
  outgoing: OutgoingResponse,
  options: WriteOptions,
): Promise<void> {
  const { body } = outgoing;
  if (body === undefined && outgoing.trailers === undefined) {
    // Sent by the end below, in one frame: a gRPC client reads its status only from headers that end the stream (gRPC over HTTP/2, "Trailers-Only").
    response.statusCode = outgoing.status;
    for (const [name, value] of outgoing.headers) response.setHeader(name, value);
  } else if (body === undefined || body instanceof Uint8Array) {
    writeHead(response, outgoing);
    if (body !== undefined) response.write(body);
  } else {
    await writeStream(response, outgoing, body, options);
  }
  if (isGone(response)) return;
  const trailers = outgoing.trailers?.();
  if (trailers !== undefined) response.addTrailers(plainHeaders(trailers));
  await new Promise<void>((resolve) => {
    const cancel = options.clock.after(options.stallMs, () => cut(response));
    response.once("close", () => {
      cancel();
      resolve();
    });
    response.once("finish", () => {
      cancel();
      resolve();
    });
    response.end();
    options.onEnded();
  });
}

async function writeStream(
  response: NodeResponse,
  outgoing: OutgoingResponse,
  body: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  const ahead = options.ahead.open(response);
  const writer = new TurnWriter(response, ahead);
  const next = untilGone(iterator, response);
  try {
    if (outgoing.flush === true) {
      writeHead(response, outgoing);
      response.flushHeaders?.();
    }
    const flows = isFlowing(body);
    if (flows) body.flowTo(writer);
    for (;;) {
      const chunk = await next();
      if (chunk === undefined || isGone(response)) return;
      if (!response.headersSent) writeHead(response, outgoing);
      if (chunk.done === true) return writer.flush();
      if (!flows || chunk.value.byteLength > 0) {
        const changed = outgoing.transform?.(chunk.value) ?? chunk.value;
        writer.write(changed instanceof Promise ? await changed : changed);
      }
      if (writer.isFull) {
        writer.flush();
        // What a flow wrote may have gone since, and nobody would say so again.
        if (writer.wantsPause && response.writableLength > 0) await drained(response, options);
      }
    }
  } catch (error) {
    // Once bytes are out, cutting the response is the only way left to say that it is incomplete.
    if (response.headersSent) cut(response);
    throw error;
  } finally {
    ahead.close();
    // Not awaited: a handler that is still waiting for something ends in its own time, told by its signal.
    iterator.return?.().catch(() => undefined);
  }
}

/** Takes chunk after chunk; undefined as soon as the client is gone. One listener for all of them, which keeps none: a watch lives long. */
function untilGone(
  iterator: AsyncIterator<Uint8Array>,
  response: NodeResponse,
): () => Promise<IteratorResult<Uint8Array, unknown> | undefined> {
  let gone: (() => void) | undefined;
  response.once("close", () => gone?.());
  return () =>
    new Promise((resolve, reject) => {
      gone = () => resolve(undefined);
      iterator.next().then(resolve, reject);
    });
}

/** Ends a response in the middle. A stream of HTTP/2 that ends without a code would pass for whole. */
function cut(response: NodeResponse): void {
  if (response.stream === undefined) response.destroy();
  else response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}

function drained(response: NodeResponse, options: WriteOptions): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      response.off("drain", finish);
      response.off("close", finish);
      resolve();
    };
    const cancel = options.clock.after(options.stallMs, () => {
      cut(response);
      finish();
    });
    response.once("drain", finish);
    response.once("close", finish);
    if (isGone(response)) finish();
  });
}

function writeHead(response: NodeResponse, outgoing: OutgoingResponse): void {
  response.writeHead(outgoing.status, plainHeaders(outgoing.headers));
}

function plainHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries(headers);
}
