import { type ClientHttp2Session, connect, constants } from "node:http2";

/** A request as bytes, so that it can be one that no client library would send. */
export interface RawRequest {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly trailers: Headers;
  readonly body: Uint8Array;
}

/** Sends one request over HTTP/2 and reads the answer to its end, whether or not all of the request's body was taken. */
export async function exchange(url: string, request: RawRequest): Promise<RawAnswer> {
  const session = connect(url);
  try {
    return await send(session, request);
  } finally {
    session.destroy();
  }
}

function send(session: ClientHttp2Session, request: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      {
        [constants.HTTP2_HEADER_METHOD]: request.method ?? "POST",
        [constants.HTTP2_HEADER_PATH]: request.path,
        ...request.headers,
      },
      { endStream: false },
    );
    let status = 0;
    let headers = new Headers();
    let trailers = new Headers();
    const chunks: Buffer[] = [];
    stream.on("response", (received) => {
      status = received[":status"] ?? 0;
      headers = headersOf(received);
    });
    stream.on("trailers", (received) => (trailers = headersOf(received)));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve({ status, headers, trailers, body: Buffer.concat(chunks) }));
    stream.on("error", reject);
    session.on("error", reject);
    stream.end(request.body ?? new Uint8Array());
  });
}

function headersOf(received: Readonly<Record<string, unknown>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(received)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, String(one));
  }
  return headers;
}
