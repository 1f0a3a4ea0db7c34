import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Event as EventMessage,
  type EventSchema,
  type WatchBatch as BatchMessage,
  WatchBatchSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";

import { toVersion } from "../record.ts";
import type { StoredEvent, WatchBatch } from "../watch.ts";
import { known, toNumber, unsupported } from "./known.ts";
import { fromStoredRecordMessage, toStoredRecordMessage } from "./record-codec.ts";

/** A batch as messages carry it. */
export function toBatchMessage(batch: WatchBatch): BatchMessage {
  switch (batch.kind) {
    case "snapshot":
      return create(WatchBatchSchema, {
        batch: { case: "snapshot", value: { records: batch.records.map(toStoredRecordMessage) } },
      });
    case "commit":
      return create(WatchBatchSchema, {
        batch: {
          case: "commit",
          value: { version: BigInt(batch.version), events: batch.events.map(toEventMessage) },
        },
      });
    case "endOfSnapshot":
    case "bookmark":
      return create(WatchBatchSchema, { batch: { case: batch.kind, value: BigInt(batch.version) } });
  }
}

/** The batch of a message. Throws `unsupported`. */
export function fromBatchMessage(message: BatchMessage): WatchBatch {
  const { batch } = known(message, "a batch of a watch");
  switch (batch.case) {
    case "snapshot": {
      const { records } = known(batch.value, "a slice of a snapshot");
      return { kind: "snapshot", records: records.map(fromStoredRecordMessage) };
    }
    case "commit": {
      const { version, events } = known(batch.value, "the events of a commit");
      return { kind: "commit", version: toVersion(toNumber(version)), events: events.map(fromEventMessage) };
    }
    case "endOfSnapshot":
    case "bookmark":
      return { kind: batch.case, version: toVersion(toNumber(batch.value)) };
    case undefined:
      throw unsupported("a batch of a watch holds something");
  }
}

function toEventMessage(event: StoredEvent): MessageInitShape<typeof EventSchema> {
  const record = toStoredRecordMessage(event.record);
  if (event.kind === "delete") return { event: { case: "delete", value: record } };
  const { previous } = event;
  return {
    event: { case: "put", value: record },
    ...(previous !== undefined && { previous: toStoredRecordMessage(previous) }),
  };
}

function fromEventMessage(message: EventMessage): StoredEvent {
  const { event, previous } = known(message, "an event");
  switch (event.case) {
    case "put":
      return {
        kind: "put",
        record: fromStoredRecordMessage(event.value),
        previous: previous === undefined ? undefined : fromStoredRecordMessage(previous),
      };
    case "delete":
      return { kind: "delete", record: fromStoredRecordMessage(event.value) };
    case undefined:
      throw unsupported("an event holds a change");
  }
}
