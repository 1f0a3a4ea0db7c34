import { constants } from "node:http2";

import { Code, ConnectError } from "@connectrpc/connect";

/** What the library makes of what Node says, those that come first before the others: a connection that is gone, and one that never was. */
const CODES: readonly (readonly [Code, ReadonlySet<string>])[] = [
  [
    Code.Aborted,
    new Set(["ERR_STREAM_WRITE_AFTER_END", "ERR_STREAM_DESTROYED", "ERR_HTTP2_INVALID_STREAM", "ECONNRESET"]),
  ],
  [Code.Unavailable, new Set(["ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED"])],
];
/** An error is the cause of another, seldom of a third. */
const MAX_CAUSES = 8;

/** The error of a call whose stream or connection failed, with the code that the library gives it. */
export function streamError(reason: unknown): ConnectError {
  const found = nodeCodes(reason);
  const code = CODES.find(([, known]) => found.some((one) => known.has(one)))?.[0] ?? Code.Internal;
  const error = ConnectError.from(reason, code);
  if (error !== reason) error.cause = reason;
  return error;
}

/** The codes of an error and its causes. */
function nodeCodes(reason: unknown): readonly string[] {
  const found: string[] = [];
  for (let at = 0, error = reason; at < MAX_CAUSES && error instanceof Error; at++, error = error.cause)
    if ("code" in error && typeof error.code === "string") found.push(error.code);
  return found;
}

const RESETS: ReadonlyMap<number, readonly [name: string, code: Code]> = new Map([
  [constants.NGHTTP2_PROTOCOL_ERROR, ["PROTOCOL_ERROR", Code.Internal]],
  [constants.NGHTTP2_INTERNAL_ERROR, ["INTERNAL_ERROR", Code.Internal]],
  [constants.NGHTTP2_FLOW_CONTROL_ERROR, ["FLOW_CONTROL_ERROR", Code.Internal]],
  [constants.NGHTTP2_SETTINGS_TIMEOUT, ["SETTINGS_TIMEOUT", Code.Internal]],
  [constants.NGHTTP2_FRAME_SIZE_ERROR, ["FRAME_SIZE_ERROR", Code.Internal]],
  [constants.NGHTTP2_REFUSED_STREAM, ["REFUSED_STREAM", Code.Unavailable]],
  [constants.NGHTTP2_CANCEL, ["CANCEL", Code.Canceled]],
  [constants.NGHTTP2_COMPRESSION_ERROR, ["COMPRESSION_ERROR", Code.Internal]],
  [constants.NGHTTP2_CONNECT_ERROR, ["CONNECT_ERROR", Code.Internal]],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, ["ENHANCE_YOUR_CALM", Code.ResourceExhausted]],
  [constants.NGHTTP2_INADEQUATE_SECURITY, ["INADEQUATE_SECURITY", Code.PermissionDenied]],
  [constants.NGHTTP2_HTTP_1_1_REQUIRED, ["HTTP_1_1_REQUIRED", Code.PermissionDenied]],
]);

/** The error of a stream that was closed before its end (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors). */
export function closedError(resetCode: number | undefined): ConnectError {
  const [name, code] = RESETS.get(resetCode ?? 0) ?? [];
  if (name === undefined || resetCode === undefined)
    return new ConnectError("the stream was closed before its end", Code.Internal);
  return new ConnectError(`http/2 stream closed with error code ${name} (0x${resetCode.toString(16)})`, code);
}
