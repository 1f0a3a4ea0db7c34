import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from "node:http2";

import { CallFailure } from "./call-failure.ts";
import { GrpcMessages } from "./grpc-messages.ts";

/** What may arrive before it is read, of a stream and of a connection: a page of a list is not to wait for the generator's window. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024;

/** A stream of messages that a server sends. */
export interface MessageStream {
  /** Rejects when the stream ends, whoever ends it. */
  readonly ended: Promise<never>;
  close(): void;
}

/**
 * Calls over HTTP/2 as bytes: the same for every system that is measured, and cheap, so that the generator is not what limits. The caller makes the headers, once for
 * many calls, and the body; an answer is a body whose status was that of success.
 */
export class RawClient {
  readonly #sessions: readonly ClientHttp2Session[];
  #failure: Error | undefined;

  private constructor(sessions: readonly ClientHttp2Session[]) {
    this.#sessions = sessions;
    for (const session of sessions) session.on("error", (error) => (this.#failure ??= error));
  }

  /** Opens that many connections. Throws when one cannot be opened. */
  static async open(url: string, connections: number): Promise<RawClient> {
    const sessions = Array.from({ length: connections }, () =>
      connect(url, { settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false } }),
    );
    const client = new RawClient(sessions);
    try {
      await Promise.all(sessions.map(isOpen));
    } catch (error) {
      client.close();
      throw error;
    }
    for (const session of sessions) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    return client;
  }

  /** Makes a call on the connection of that client, and resolves with the body of its answer. Throws a {@link CallFailure} for any status but that of success. */
  call(client: number, headers: OutgoingHttpHeaders, body: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#request(client, headers);
      const chunks: Buffer[] = [];
      let status = 0;
      let grpcStatus: string | undefined;
      let isOver = false;
      const seeHeaders = (received: Readonly<Record<string, unknown>>): void => {
        status = Number(received[":status"] ?? status);
        grpcStatus = (received["grpc-status"] as string | undefined) ?? grpcStatus;
      };
      stream.on("response", seeHeaders);
      stream.on("trailers", seeHeaders);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        isOver = true;
        const answer = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
        const failure = failureOf(headers, { status, grpcStatus, answer });
        if (failure === undefined) resolve(answer);
        else reject(failure);
      });
      stream.on("error", (error) => reject(new CallFailure("connection", error.message)));
      stream.on("close", () => {
        if (!isOver) reject(new CallFailure("connection", "the stream was closed before its end"));
      });
      stream.end(body);
    });
  }

  /** Opens a stream that gives `onMessage` each message of gRPC. `keepOpen`: the server ends the call when the client's half ends. */
  stream(
    client: number,
    request: {
      readonly headers: OutgoingHttpHeaders;
      readonly body: Uint8Array;
      readonly keepOpen: boolean;
    },
    onMessage: (message: Uint8Array) => void,
  ): MessageStream {
    const stream = this.#request(client, request.headers);
    const messages = new GrpcMessages(onMessage);
    const ended = new Promise<never>((_, reject) => {
      let status: unknown = "none";
      let said = "";
      const seeHeaders = (received: Readonly<Record<string, unknown>>): void => {
        status = received["grpc-status"] ?? status;
        const message = received["grpc-message"];
        if (typeof message === "string") said = message;
      };
      stream.on("response", seeHeaders);
      stream.on("trailers", seeHeaders);
      stream.on("data", (chunk: Buffer) => messages.take(chunk));
      stream.on("error", (error) => reject(new CallFailure("connection", error.message)));
      stream.on("close", () =>
        reject(new CallFailure(`grpc-status ${String(status)}`, `the stream ended: ${said}`)),
      );
    });
    ended.catch(() => undefined);
    if (request.keepOpen) stream.write(request.body);
    else stream.end(request.body);
    return { ended, close: () => stream.close() };
  }

  /** Closes all connections at once, whatever is under way. */
  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #request(client: number, headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const session = this.#sessions[client % this.#sessions.length];
    if (session === undefined || session.destroyed)
      throw new CallFailure("connection", this.#failure?.message ?? "the connection is closed");
    return session.request(headers);
  }
}

function isOpen(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    session.once("connect", () => resolve());
    session.once("error", reject);
  });
}

/** Why an answer is none; undefined for one of success. */
function failureOf(
  headers: OutgoingHttpHeaders,
  received: {
    readonly status: number;
    readonly grpcStatus: string | undefined;
    readonly answer: Buffer;
  },
): CallFailure | undefined {
  const { status, grpcStatus, answer } = received;
  if (status !== 200) return new CallFailure(`HTTP ${status}`, answer.toString("utf8"));
  const isGrpc = String(headers["content-type"]).startsWith("application/grpc");
  if (!isGrpc || grpcStatus === "0") return undefined;
  return new CallFailure(`grpc-status ${grpcStatus ?? "none"}`, "the call was refused");
}
