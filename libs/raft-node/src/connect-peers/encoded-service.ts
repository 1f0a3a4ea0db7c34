import type { DescMethodBiDiStreaming } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  type EncodedExchangeRequest,
  EncodedExchangeRequestSchema,
  type ExchangeResponseSchema,
  PeerService,
} from "@trellis/protos/trellis/raft/v1/peer_pb.js";
import { Fields, lengthBytes, type MessageForm, withForms, writeLength } from "@trellis/resource/node";

const BATCH = EncodedExchangeRequestSchema.field.batch.number * 8 + 2;

/** Requests that bring a batch, which are all but the first. */
export const exchangeRequestForm: Required<MessageForm<EncodedExchangeRequest>> = {
  write({ $unknown, content }, room) {
    if ($unknown !== undefined || content.case !== "batch") return undefined;
    const { length } = content.value;
    const bytes = Buffer.allocUnsafe(room + 1 + lengthBytes(length) + length);
    bytes[room] = BATCH;
    bytes.set(content.value, writeLength(bytes, room + 1, length));
    return bytes;
  },
  read(bytes) {
    const fields = new Fields(bytes, 0, bytes.length);
    if (!fields.next() || fields.tag !== BATCH || fields.end !== bytes.length) return undefined;
    const value = (bytes as Uint8Array<ArrayBuffer>).subarray(fields.start);
    return { $typeName: "trellis.raft.v1.EncodedExchangeRequest", content: { case: "batch", value } };
  },
};

const encoded: DescMethodBiDiStreaming<typeof EncodedExchangeRequestSchema, typeof ExchangeResponseSchema> = {
  ...PeerService.method.exchange,
  input: EncodedExchangeRequestSchema,
};
const exchange = withForms(encoded, { input: exchangeRequestForm });

type Methods = typeof PeerService.method;

/** The peer service, with the same bytes on the wire, whose batches are handed on as they are encoded. */
export const EncodedPeerService: GenService<{
  identify: Methods["identify"];
  form: Methods["form"];
  exchange: {
    methodKind: "bidi_streaming";
    input: typeof EncodedExchangeRequestSchema;
    output: typeof ExchangeResponseSchema;
  };
  sendSnapshot: Methods["sendSnapshot"];
}> = {
  ...PeerService,
  method: { ...PeerService.method, exchange },
  methods: PeerService.methods.map((method) => (method.localName === "exchange" ? exchange : method)),
};
