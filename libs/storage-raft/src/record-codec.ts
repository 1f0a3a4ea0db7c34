import type { StoredRecord as StoredRecordMessage } from "@trellis/protos/trellis/storage/v1/record_pb.js";
import type { StoredRecord } from "@trellis/storage";
import { storedRecord } from "@trellis/storage-memory";
import { fromStoredRecordMessage as fromMessage } from "@trellis/storage/wire";

import { ofLog } from "./known.ts";

/** The stored record of a message, frozen; its bytes are those of the message. Throws `unsupported`. */
export function fromStoredRecordMessage(message: StoredRecordMessage): StoredRecord {
  const record = ofLog(() => fromMessage(message));
  return storedRecord(record.key, record, record.version, undefined);
}
