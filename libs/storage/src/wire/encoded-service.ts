import type { DescMethodBiDiStreaming } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  EncodedExchangeRequestSchema,
  EncodedExchangeResponseSchema,
  StorageService,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { withForms } from "@trellis/resource/node";

import { exchangeRequestForm, exchangeResponseForm } from "./exchange-bytes.ts";

const encoded: DescMethodBiDiStreaming<
  typeof EncodedExchangeRequestSchema,
  typeof EncodedExchangeResponseSchema
> = {
  ...StorageService.method.exchange,
  input: EncodedExchangeRequestSchema,
  output: EncodedExchangeResponseSchema,
};
const exchange = withForms(encoded, { input: exchangeRequestForm, output: exchangeResponseForm });

/**
 * The storage service, with the same bytes on the wire, whose calls and answers are handed on as they are encoded: so that those that come with every write
 * are encoded and decoded by hand, and whoever only looks at them does not decode the rest.
 */
export const EncodedStorageService: GenService<{
  exchange: {
    methodKind: "bidi_streaming";
    input: typeof EncodedExchangeRequestSchema;
    output: typeof EncodedExchangeResponseSchema;
  };
  watch: (typeof StorageService.method)["watch"];
}> = {
  ...StorageService,
  method: { ...StorageService.method, exchange },
  methods: StorageService.methods.map((method) => (method.localName === "exchange" ? exchange : method)),
};
