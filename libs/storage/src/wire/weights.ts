import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CommitResult, Operation, Precondition } from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import type { OwnerSchema, StoredRecordSchema } from "@trellis/protos/trellis/storage/v1/record_pb.js";
import type { Answer, Call, WatchBatch } from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

/**
 * At least the bytes that messages take, without encoding them: their texts, one byte a character as names have it, and their content; and for the
 * tags, lengths and numbers between them this much for each message in the message.
 */
const FRAME_BYTES = 48;

type RecordShape = MessageInitShape<typeof StoredRecordSchema>;
type OwnerShape = MessageInitShape<typeof OwnerSchema>;
type KeyShape = RecordShape["key"];

/** The bytes of a stored record in a message. */
export function recordWeight(stored: RecordShape | undefined): number {
  if (stored === undefined) return 0;
  return FRAME_BYTES + keyWeight(stored.key) + contentWeight(stored.record);
}

/** The bytes of a call. */
export function callWeight({ call }: Call): number {
  switch (call.case) {
    case "commit":
      return (
        3 * FRAME_BYTES +
        textWeight(call.value.session?.session?.id) +
        sum(call.value.operations, operationWeight)
      );
    case "evaluate":
      return 2 * FRAME_BYTES + sum(call.value.operations, operationWeight);
    case "read":
      return 2 * FRAME_BYTES + keyWeight(call.value.key) + textWeight(call.value.minimum?.storeId);
    case "list": {
      const { query, minimum, after } = call.value;
      const queryBytes =
        query.case === "owner" ? ownerWeight(query.value) : sum(Object.values(query.value ?? {}), textWeight);
      return 3 * FRAME_BYTES + queryBytes + keyWeight(after) + textWeight(minimum?.storeId);
    }
    case "openSession":
      return 2 * FRAME_BYTES + call.value.id.length;
    case "keepAlive":
      return 2 * FRAME_BYTES + textWeight(call.value.session?.id);
    case undefined:
      return FRAME_BYTES;
  }
}

/** The bytes of an answer. */
export function answerWeight({ answer }: Answer): number {
  switch (answer.case) {
    case "committed":
      return 2 * FRAME_BYTES + currentWeight(answer.value);
    case "read":
      return 2 * FRAME_BYTES + textWeight(answer.value.position?.storeId) + recordWeight(answer.value.record);
    case "list":
      return (
        2 * FRAME_BYTES + textWeight(answer.value.position?.storeId) + sum(answer.value.records, recordWeight)
      );
    case "opened":
      return 2 * FRAME_BYTES + answer.value.id.length;
    case "error":
      return 2 * FRAME_BYTES + answer.value.message.length;
    default:
      return 2 * FRAME_BYTES;
  }
}

/** The bytes of a batch of a watch. */
export function watchBatchWeight({ batch }: WatchBatch): number {
  switch (batch.case) {
    case "snapshot":
      return FRAME_BYTES + sum(batch.value.records, recordWeight);
    case "commit":
      return (
        FRAME_BYTES +
        sum(
          batch.value.events,
          ({ event, previous }) => FRAME_BYTES + recordWeight(event.value) + recordWeight(previous),
        )
      );
    default:
      return FRAME_BYTES;
  }
}

function operationWeight({ key, preconditions, action }: Operation): number {
  const content = action.case === "put" ? contentWeight(action.value) : 0;
  return FRAME_BYTES + keyWeight(key) + sum(preconditions, preconditionWeight) + content;
}

function preconditionWeight({ condition }: Precondition): number {
  switch (condition.case) {
    case "exists":
    case "live":
      return FRAME_BYTES + textWeight(condition.value.uid);
    case "generation":
      return FRAME_BYTES + condition.value.length;
    default:
      return FRAME_BYTES;
  }
}

function currentWeight({ refusal }: CommitResult): number {
  return recordWeight(refusal?.current);
}

function contentWeight(record: RecordShape["record"]): number {
  if (record === undefined) return 0;
  const { uid, groupVersion, generation, owner, resource } = record;
  return (
    FRAME_BYTES +
    textWeight(uid) +
    textWeight(groupVersion) +
    textWeight(generation) +
    ownerWeight(owner) +
    (resource?.length ?? 0)
  );
}

function ownerWeight(owner: OwnerShape | undefined): number {
  return owner === undefined ? 0 : FRAME_BYTES + keyWeight(owner.key) + textWeight(owner.uid);
}

function keyWeight(key: KeyShape): number {
  if (key === undefined) return 0;
  const { group, kind, partition, namespace, name } = key;
  return (
    FRAME_BYTES +
    textWeight(group) +
    textWeight(kind) +
    textWeight(partition) +
    textWeight(namespace) +
    textWeight(name)
  );
}

/** What is no text is in the frame of its message. */
function textWeight(text: unknown): number {
  return typeof text === "string" ? text.length : 0;
}

function sum<T>(items: readonly T[], weigh: (item: T) => number): number {
  return items.reduce((bytes, item) => bytes + weigh(item), 0);
}
