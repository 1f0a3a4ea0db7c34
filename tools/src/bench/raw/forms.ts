import type { OutgoingHttpHeaders } from "node:http2";

import { ENVELOPE_BYTES } from "./grpc-messages.ts";

/** A protocol of unary calls, and the form of its messages. */
export interface Form {
  readonly json: boolean;
  /** What all calls of a method send; made once. */
  headers(path: string, more?: Readonly<Record<string, string>>): OutgoingHttpHeaders;
  /** The body of a request with that message. */
  body(message: Uint8Array): Buffer;
  /** The message in the body of an answer. */
  message(body: Buffer): Buffer;
}

/** gRPC: each message behind its flags and length. */
export const GRPC: Form = {
  json: false,
  headers: (path, more) => headersOf(path, { "content-type": "application/grpc", te: "trailers", ...more }),
  body(message) {
    const body = Buffer.allocUnsafe(ENVELOPE_BYTES + message.length);
    body[0] = 0;
    body.writeUInt32BE(message.length, 1);
    body.set(message, ENVELOPE_BYTES);
    return body;
  },
  message: (body) => body.subarray(ENVELOPE_BYTES),
};

/** Connect with protobuf: the message is the body. */
export const CONNECT: Form = connectForm("application/proto", false);

/** Connect with JSON. */
export const JSON_FORM: Form = connectForm("application/json", true);

function connectForm(contentType: string, json: boolean): Form {
  return {
    json,
    headers: (path, more) =>
      headersOf(path, { "content-type": contentType, "connect-protocol-version": "1", ...more }),
    body: (message) => Buffer.from(message.buffer, message.byteOffset, message.byteLength),
    message: (body) => body,
  };
}

function headersOf(path: string, more: Readonly<Record<string, string>>): OutgoingHttpHeaders {
  return { ":method": "POST", ":path": path, ...more };
}
