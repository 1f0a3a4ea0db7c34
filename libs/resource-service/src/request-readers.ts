import type { DescMessage, Message } from "@bufbuild/protobuf";
import {
  BatchWriteRequestSchema,
  ReadRequestSchema,
  WriteRequestSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { readReadRequest, readWriteRequest } from "./decode-request.ts";
import { readBatch } from "./unread-batch.ts";

/**
 * Read the requests that come most as the library does, at a fraction of the cost. Undefined, or an error, for what is out of the ordinary or broken, which is left to the
 * library.
 */
export const requestReaders: ReadonlyMap<DescMessage, Reader> = new Map<DescMessage, Reader>([
  [ReadRequestSchema, readReadRequest],
  [WriteRequestSchema, (bytes) => readWriteRequest(bytes, 0, bytes.length)],
  [BatchWriteRequestSchema, readBatch],
]);

interface Reader {
  (bytes: Uint8Array): Message | undefined;
  /** Takes the bytes from a message that it read: they may be others' from then on. */
  readonly release?: (message: Message) => void;
}
