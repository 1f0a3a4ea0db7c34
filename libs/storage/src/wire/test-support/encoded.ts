import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type EncodedExchangeRequest,
  EncodedExchangeRequestSchema,
  type EncodedExchangeResponse,
  EncodedExchangeResponseSchema,
  type ExchangeRequest,
  ExchangeRequestSchema,
  type ExchangeResponse,
  ExchangeResponseSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

/** A request as it comes: what a test makes up, with its calls encoded. */
export function encodedRequest(init: MessageInitShape<typeof ExchangeRequestSchema>): EncodedExchangeRequest {
  const bytes = toBinary(ExchangeRequestSchema, create(ExchangeRequestSchema, init));
  return fromBinary(EncodedExchangeRequestSchema, bytes);
}

/** A request with its calls. Throws for calls that are none. */
export function decodedRequest(request: EncodedExchangeRequest): ExchangeRequest {
  return fromBinary(ExchangeRequestSchema, toBinary(EncodedExchangeRequestSchema, request));
}

/** A response with its answers. */
export function decodedResponse(response: EncodedExchangeResponse): ExchangeResponse {
  return fromBinary(ExchangeResponseSchema, toBinary(EncodedExchangeResponseSchema, response));
}
