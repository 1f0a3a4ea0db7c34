import type { CommitResult, Operation } from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import type { StoredRecord } from "@trellis/protos/trellis/storage/v1/record_pb.js";
import type { Answer, Call, WatchBatch } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StoredRecordSchema } from "@trellis/protos/trellis/storage/v1/record_pb.js";

/** What a message takes beside the resources in it, roughly. */
const FRAME_BYTES = 64;
const RECORD_BYTES = 200;

type RecordShape = StoredRecord | MessageInitShape<typeof StoredRecordSchema>;

/** Roughly the bytes of a stored record in a message. */
export function recordWeight(record: RecordShape | undefined): number {
  return record === undefined ? 0 : RECORD_BYTES + (record.record?.resource?.length ?? 0);
}

/** Roughly the bytes of a call. */
export function callWeight({ call }: Call): number {
  switch (call.case) {
    case "commit":
    case "evaluate":
      return (
        FRAME_BYTES +
        call.value.operations.reduce((bytes, operation) => bytes + operationWeight(operation), 0)
      );
    default:
      return FRAME_BYTES + RECORD_BYTES;
  }
}

function operationWeight({ action }: Operation): number {
  return RECORD_BYTES + (action.case === "put" ? action.value.resource.length : 0);
}

/** Roughly the bytes of an answer. */
export function answerWeight({ answer }: Answer): number {
  switch (answer.case) {
    case "committed":
      return FRAME_BYTES + currentWeight(answer.value);
    case "read":
      return FRAME_BYTES + recordWeight(answer.value.record);
    case "list":
      return FRAME_BYTES + answer.value.records.reduce((bytes, record) => bytes + recordWeight(record), 0);
    default:
      return FRAME_BYTES;
  }
}

function currentWeight({ refusal }: CommitResult): number {
  return recordWeight(refusal?.current);
}

/** Roughly the bytes of a batch of a watch. */
export function watchBatchWeight({ batch }: WatchBatch): number {
  switch (batch.case) {
    case "snapshot":
      return batch.value.records.reduce((bytes, record) => bytes + recordWeight(record), FRAME_BYTES);
    case "commit":
      return batch.value.events.reduce(
        (bytes, { event, previous }) => bytes + recordWeight(event.value) + recordWeight(previous),
        FRAME_BYTES,
      );
    default:
      return FRAME_BYTES;
  }
}
