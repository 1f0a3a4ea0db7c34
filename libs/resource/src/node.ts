import type { ClientHttp2Session } from "node:http2";

import { Http2SessionManager } from "@connectrpc/connect-node";

import { renewStreamTables } from "./session-tables.ts";

export { BackwardWriter } from "./backward-writer.ts";
export { isCanonicalBytes } from "./canonical-bytes.ts";
export { FieldScan } from "./field-scan.ts";
export { LateField, unknownBytes, writeUnknown } from "./late-field.ts";
export {
  afterLength,
  ascii,
  Fields,
  isText,
  lengthAt,
  lengthBytes,
  RecurringText,
  writeLength,
} from "./plain-bytes.ts";
export { renewStreamTables } from "./session-tables.ts";
export { cutMessage, ENVELOPE_BYTES, envelopeInPlace, EnvelopeReader } from "./streaming/envelopes.ts";
export { type MessageCodec, messageCodecs, type MessageForm, withForms } from "./streaming/message-forms.ts";
export { streamingTransport } from "./streaming/streaming-transport.ts";

/**
 * What the other side may send ahead of what was read here, of one stream and of a connection (RFC 9113 §5.2), in bytes. With HTTP/2's 64 KiB a stream moves no more than
 * that in the time in which both processes get round to it, which is 50 ms where they have much to do: a watch of large resources falls behind for ever. A
 * stream that nobody reads takes this much memory.
 */
export const HTTP2_WINDOWS = { stream: 1024 * 1024, connection: 16 * 1024 * 1024 } as const;

/** What Node lets one connection hold before it opens no more streams, in 10^6 bytes: enough for full windows. */
const SESSION_MEGABYTES = 64;

type PingOptions = ConstructorParameters<typeof Http2SessionManager>[1];

/** A client's connection to one server, reopened when it is lost. Takes what comes in {@link HTTP2_WINDOWS}. */
export class WideSessionManager extends Http2SessionManager {
  readonly #widened = new WeakSet<ClientHttp2Session>();

  constructor(url: string, ping?: PingOptions) {
    super(url, ping, {
      maxSessionMemory: SESSION_MEGABYTES,
      settings: { initialWindowSize: HTTP2_WINDOWS.stream },
    });
  }

  override async request(
    ...parameters: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    const stream = await super.request(...parameters);
    const { session } = stream;
    if (session !== undefined && !session.destroyed && !this.#widened.has(session as ClientHttp2Session)) {
      this.#widened.add(session as ClientHttp2Session);
      // Once a request finds that the connection is ending, the library listens for its errors no more. One that then comes would end the process.
      session.on("error", () => undefined);
      session.setLocalWindowSize(HTTP2_WINDOWS.connection);
      renewStreamTables(session);
    }
    return stream;
  }
}
