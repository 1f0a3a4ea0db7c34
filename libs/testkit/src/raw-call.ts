import http from "node:http";
import { connect } from "node:http2";
import { text } from "node:stream/consumers";

/** An answer as it came, without what differs from one moment to the next. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  /** In hexadecimal digits. */
  readonly body: string;
}

/** A protocol of unary calls, the form of its messages, and the version of HTTP. */
export interface RawForm {
  readonly name: string;
  readonly http: 1 | 2;
  readonly contentType: string;
  readonly enveloped: boolean;
  readonly json: boolean;
}

const form = (name: string, http: 1 | 2, contentType: string): RawForm => ({
  name,
  http,
  contentType,
  enveloped: contentType.includes("grpc"),
  json: contentType.includes("json"),
});

/** Everything that the fast lane takes. */
export const RAW_FORMS: readonly RawForm[] = [
  form("Connect binary over HTTP/1.1", 1, "application/proto"),
  form("Connect JSON over HTTP/1.1", 1, "application/json"),
  form("Connect binary over HTTP/2", 2, "application/proto"),
  form("Connect JSON over HTTP/2", 2, "application/json"),
  form("gRPC", 2, "application/grpc"),
  form("gRPC+proto", 2, "application/grpc+proto"),
];

/** A call, and how it is sent. */
export interface RawCall {
  readonly path: string;
  /** The message, without an envelope. */
  readonly message: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body in place of the message's. */
  readonly body?: Uint8Array;
  /** Leaves the length of the body unsaid. */
  readonly chunked?: boolean;
}

/** The message as gRPC sends it. */
export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5, flags);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

/** Makes a call and returns the answer as it came. */
export async function rawCall(url: string, form: RawForm, call: RawCall): Promise<RawAnswer> {
  const body = Buffer.from(call.body ?? (form.enveloped ? enveloped(call.message) : call.message));
  const headers: Record<string, string> = {
    "content-type": form.contentType,
    ...(form.enveloped && { te: "trailers" }),
    ...(call.chunked !== true && { "content-length": String(body.byteLength) }),
    ...call.headers,
  };
  return form.http === 1
    ? await overHttp1(url, call.path, headers, body)
    : await overHttp2(url, call.path, headers, body);
}

async function overHttp1(
  url: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
): Promise<RawAnswer> {
  const request = http.request(`${url}${path}`, { method: "POST", headers, agent: false });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
  request.end(body);
  const answer = await answered;
  const content = await text(answer.setEncoding("hex"));
  return {
    status: answer.statusCode ?? 0,
    headers: lasting(answer.headers),
    trailers: answer.trailers,
    body: content,
  };
}

async function overHttp2(
  url: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
): Promise<RawAnswer> {
  const session = connect(url);
  try {
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    let head: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    stream.on("response", (sent) => (head = { ...sent }));
    stream.on("trailers", (sent) => (trailers = { ...sent }));
    stream.end(body);
    const content = await text(stream.setEncoding("hex"));
    return { status: Number(head[":status"]), headers: lasting(head), trailers, body: content };
  } finally {
    session.close();
  }
}

function lasting(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { date: _, ...others } = headers;
  return others;
}
