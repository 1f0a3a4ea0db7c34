/** A plain HTTP request, as the server that mounts the routes hands it over. */
export interface RestRequest {
  /** In capitals ("GET"). */
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** Reads the whole body; throws past the server's limit. */
  body(): Promise<Uint8Array>;
  /** Aborted when the client goes away or the server stops. */
  readonly signal: AbortSignal;
}

/** A plain HTTP response. A stream is pulled as the client reads. */
export interface RestResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** All paths that begin with `prefix`. */
export interface RestRoute {
  readonly prefix: string;
  handle(request: RestRequest): Promise<RestResponse>;
}

/** A JSON answer, on one line and ended by a newline, so that it reads well in a terminal. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): RestResponse {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: `${JSON.stringify(value)}\n`,
  };
}
