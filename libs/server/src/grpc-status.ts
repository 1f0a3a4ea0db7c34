import { ConnectError } from "@connectrpc/connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { errorWithin, shortened } from "@trellis/resource";

/**
 * UTF-16 code units of the two trailers that tell an error. Trailers are a header block, of which several clients take 8 KiB in all and Node 64 KiB: one
 * that is larger ends its whole connection, and with it the calls of others.
 */
const MAX_STATUS_MESSAGE = 1_536;
const MAX_STATUS_DETAILS = 6 * 1024;

/** Bytes of texts whose details fit: base64 makes four characters of three bytes, and the messages around the texts take some. */
const MAX_DETAIL_BYTES = Math.floor((MAX_STATUS_DETAILS * 3) / 4) - 384;

/** Writes an error into the trailers of gRPC, with as much of it as they take. */
export function setGrpcStatus(target: Headers, error: ConnectError): Headers {
  setTrailerStatus(target, error);
  return fits(target) ? target : setTrailerStatus(target, withinTrailers(error));
}

/** Takes from an error in trailers what they have no room for. */
export function boundGrpcStatus(trailer: Headers): Headers {
  const error = fits(trailer) ? undefined : findTrailerError(trailer);
  return error === undefined ? trailer : setTrailerStatus(trailer, withinTrailers(error));
}

function fits(trailer: Headers): boolean {
  return (
    (trailer.get("grpc-message")?.length ?? 0) <= MAX_STATUS_MESSAGE &&
    (trailer.get("grpc-status-details-bin")?.length ?? 0) <= MAX_STATUS_DETAILS
  );
}

function withinTrailers(error: ConnectError): ConnectError {
  let message = error.rawMessage;
  // gRPC percent-encodes it: a character may take nine.
  while (encodeURIComponent(message).length > MAX_STATUS_MESSAGE)
    message = shortened(message, Math.floor(message.length / 2));
  const shorter = new ConnectError(message, error.code, undefined, undefined, error.cause);
  shorter.details = error.details;
  return errorWithin(shorter, MAX_DETAIL_BYTES);
}
