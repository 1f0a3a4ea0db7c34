import { Agent, request as http1Request } from "node:http";
import { connect, type ClientHttp2Session, constants } from "node:http2";

import type { RawRequest } from "./protocols.ts";

/** How long an answer may take before it counts as a hang. */
const ANSWER_TIMEOUT_MS = 20_000;

/** What became of a request. */
export interface Answer {
  /** The HTTP status; undefined when the connection ended first, or the client went away. */
  readonly status: number | undefined;
  /** The server blames itself. */
  readonly internal: boolean;
  /** No answer within the time. */
  readonly hung: boolean;
  readonly text: string;
}

/** Sends raw requests to one server over both versions of HTTP. */
export interface Sender {
  send(request: RawRequest): Promise<Answer>;
  close(): void;
}

const NONE: Answer = { status: undefined, internal: false, hung: false, text: "" };

/** Opens a sender for an origin (`http://127.0.0.1:7500`). */
export function createSender(origin: string): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let session: ClientHttp2Session | undefined;
  const sessionNow = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(origin);
      session.on("error", () => undefined);
    }
    return session;
  };
  return {
    send: (request) =>
      request.httpVersion === 1 ? sendHttp1(origin, agent, request) : sendHttp2(sessionNow(), request),
    close() {
      agent.destroy();
      session?.destroy();
    },
  };
}

function sendHttp1(origin: string, agent: Agent, raw: RawRequest): Promise<Answer> {
  return new Promise((resolve) => {
    const url = new URL(origin);
    const outgoing = http1Request({
      host: url.hostname,
      port: url.port,
      path: raw.path,
      method: raw.method,
      headers: {
        ...raw.headers,
        ...(raw.body === undefined ? {} : { "content-length": String(raw.body.byteLength) }),
      },
      agent,
      timeout: ANSWER_TIMEOUT_MS,
    });
    outgoing.on("timeout", () => {
      resolve({ ...NONE, hung: true });
      outgoing.destroy();
    });
    outgoing.on("error", () => resolve(NONE));
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", () => resolve(NONE));
      incoming.on("close", () =>
        resolve(answer(incoming.statusCode, incoming.headers["grpc-status"], Buffer.concat(chunks))),
      );
    });
    if (raw.vanishes) {
      outgoing.write(raw.body?.subarray(0, raw.body.byteLength >> 1) ?? "");
      setImmediate(() => outgoing.destroy());
      return;
    }
    outgoing.end(raw.body);
  });
}

function sendHttp2(session: ClientHttp2Session, raw: RawRequest): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = session.request(
      { ":method": raw.method, ":path": raw.path, ...raw.headers },
      { endStream: raw.body === undefined },
    );
    let status: number | undefined;
    let grpcStatus: string | undefined;
    const chunks: Buffer[] = [];
    stream.setTimeout(ANSWER_TIMEOUT_MS, () => {
      resolve({ ...NONE, hung: true });
      stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on("response", (headers) => {
      status = headers[":status"];
      grpcStatus = headers["grpc-status"]?.toString();
    });
    stream.on("trailers", (headers) => (grpcStatus ??= headers["grpc-status"]?.toString()));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => resolve(NONE));
    stream.on("close", () => resolve(answer(status, grpcStatus, Buffer.concat(chunks))));
    if (raw.vanishes) {
      stream.write(raw.body?.subarray(0, raw.body.byteLength >> 1) ?? "");
      setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
      return;
    }
    if (raw.body !== undefined) stream.end(raw.body);
  });
}

/** gRPC's code for a defect of the server. */
const GRPC_INTERNAL = "13";

function answer(status: number | undefined, grpcStatus: string | string[] | undefined, body: Buffer): Answer {
  const text = body.subarray(0, 2_000).toString("latin1");
  const internal =
    status === 500 || String(grpcStatus) === GRPC_INTERNAL || text.includes(`grpc-status: ${GRPC_INTERNAL}`);
  return { status, internal, hung: false, text };
}
