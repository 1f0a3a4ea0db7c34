import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  CommitResultSchema,
  OperationSchema,
  SessionRequestSchema,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import { RecordSchema, StoredRecordSchema } from "@trellis/protos/trellis/storage/v1/record_pb.js";
import {
  ErrorSchema,
  ListSchema,
  ServerStatusSchema,
  WatchBatchSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import fc from "fast-check";

import { StorageError } from "../errors.ts";
import {
  fromCommitResultMessage,
  fromErrorMessage,
  fromListMessage,
  toCommitResultMessage,
  toErrorMessage,
  toListMessage,
} from "./call-codec.ts";
import { fromOperationMessage, toOperationMessage } from "./operation-codec.ts";
import {
  fromRecordMessage,
  fromStoredRecordMessage,
  toRecordMessage,
  toStoredRecordMessage,
} from "./record-codec.ts";
import { fromRequestMessage, toRequestMessage } from "./session-codec.ts";
import { fromStatusMessage, toStatusMessage } from "./status-codec.ts";
import * as drawn from "./test-support/arbitraries.ts";
import { fromBatchMessage, toBatchMessage } from "./watch-codec.ts";
import { watchBatchWeight } from "./weights.ts";

/** A message after it was sent. */
function sent<D extends DescMessage>(schema: D, init: MessageInitShape<D>) {
  return fromBinary(schema, toBinary(schema, create(schema, init)));
}

describe("what is sent is what comes", () => {
  it("of records", () => {
    fc.assert(
      fc.property(drawn.record, (record) => {
        expect(fromRecordMessage(sent(RecordSchema, toRecordMessage(record)))).toEqual(record);
      }),
    );
    fc.assert(
      fc.property(drawn.storedRecord, (record) => {
        expect(fromStoredRecordMessage(sent(StoredRecordSchema, toStoredRecordMessage(record)))).toEqual(
          record,
        );
      }),
    );
  });

  it("of operations", () => {
    fc.assert(
      fc.property(drawn.operation, (operation) => {
        expect(fromOperationMessage(sent(OperationSchema, toOperationMessage(operation)))).toEqual(operation);
      }),
    );
  });

  it("of sessions", () => {
    fc.assert(
      fc.property(drawn.sessionRequest, (request) => {
        expect(fromRequestMessage(sent(SessionRequestSchema, toRequestMessage(request)))).toEqual(request);
      }),
    );
  });

  it("of commits' results: the place of what was refused, and what is stored there", () => {
    fc.assert(
      fc.property(drawn.commitAnswer, (answer) => {
        expect(fromCommitResultMessage(sent(CommitResultSchema, toCommitResultMessage(answer)))).toEqual(
          answer,
        );
      }),
    );
  });

  it("of lists", () => {
    fc.assert(
      fc.property(drawn.query, drawn.listOptions, (query, options) => {
        const { limit = 0, ...rest } = options;
        expect(fromListMessage(sent(ListSchema, toListMessage(query, options)))).toEqual({
          query,
          options: { ...rest, limit },
        });
      }),
    );
  });

  it("of watches' batches", () => {
    fc.assert(
      fc.property(drawn.watchBatch, (batch) => {
        expect(fromBatchMessage(sent(WatchBatchSchema, toBatchMessage(batch)))).toEqual(batch);
      }),
    );
  });

  it("of errors, with where to resume and who to ask", () => {
    fc.assert(
      fc.property(drawn.storageError, (error) => {
        const { code, message, resumeVersion, isNotLeader } = error;
        const mutation = { isMutation: true };
        const said = toErrorMessage(
          new StorageError(code, message, { resumeVersion, isNotLeader }),
          mutation,
        );
        expect(fromErrorMessage(sent(ErrorSchema, said), mutation)).toMatchObject(error);
      }),
    );
  });

  it("of statuses, up to the members that one names", () => {
    fc.assert(
      fc.property(drawn.serverStatus, (status) => {
        expect(fromStatusMessage(sent(ServerStatusSchema, toStatusMessage(status)))).toEqual(status);
      }),
    );
    const [status] = fc.sample(drawn.serverStatus, 1);
    if (status === undefined) throw new Error("expected a sample");
    const members = Array.from({ length: 70 }, (_, nodeId) => ({ nodeId, name: "n", address: "a:1" }));
    const come = fromStatusMessage(sent(ServerStatusSchema, toStatusMessage({ ...status, members })));
    expect(come.members).toEqual(members.slice(0, 64));
  });
});

describe("weights are at least the bytes that are sent", () => {
  it("of watches' batches", () => {
    fc.assert(
      fc.property(drawn.watchBatch, (batch) => {
        const message = toBatchMessage(batch);
        expect(watchBatchWeight(message)).toBeGreaterThanOrEqual(toBinary(WatchBatchSchema, message).length);
      }),
    );
  });
});
