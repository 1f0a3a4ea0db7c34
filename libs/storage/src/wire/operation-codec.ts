import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Incarnation,
  Operation as OperationMessage,
  OperationSchema,
  Precondition as PreconditionMessage,
  PreconditionSchema,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";

import type { Operation, Precondition } from "../operation.ts";
import { toVersion } from "../record.ts";
import { known, toNumber, unsupported } from "./known.ts";
import { fromKeyMessage, fromRecordMessage, toRecordMessage } from "./record-codec.ts";

/** An operation as messages carry it. */
export function toOperationMessage(operation: Operation): MessageInitShape<typeof OperationSchema> {
  const { key, preconditions } = operation;
  return {
    key,
    preconditions: preconditions.map(toPreconditionMessage),
    action:
      operation.kind === "put"
        ? { case: "put", value: toRecordMessage(operation.record) }
        : { case: operation.kind, value: {} },
  };
}

/** The operation of a message. Throws `unsupported` for what this version does not know. */
export function fromOperationMessage(message: OperationMessage): Operation {
  const { key: keyMessage, preconditions: conditions, action } = known(message, "an operation");
  const key = fromKeyMessage(keyMessage);
  const preconditions = conditions.map(fromPreconditionMessage);
  switch (action.case) {
    case "put":
      return { kind: "put", key, record: fromRecordMessage(action.value), preconditions };
    case "delete":
    case "check":
      known(action.value, `a ${action.case}`);
      return { kind: action.case, key, preconditions };
    case undefined:
      throw unsupported("an operation has an action");
  }
}

function toPreconditionMessage(precondition: Precondition): MessageInitShape<typeof PreconditionSchema> {
  switch (precondition.kind) {
    case "absent":
      return { condition: { case: "absent", value: {} } };
    case "exists":
    case "live": {
      const { kind, uid } = precondition;
      return { condition: { case: kind, value: uid === undefined ? {} : { uid } } };
    }
    case "version":
      return { condition: { case: "version", value: BigInt(precondition.version) } };
    case "generation":
      return { condition: { case: "generation", value: precondition.generation } };
  }
}

function fromPreconditionMessage(message: PreconditionMessage): Precondition {
  const { condition } = known(message, "a precondition");
  switch (condition.case) {
    case "absent":
      known(condition.value, "the precondition `absent`");
      return { kind: "absent" };
    case "exists":
    case "live":
      return { kind: condition.case, ...uidOf(condition.value) };
    case "version":
      return { kind: "version", version: toVersion(toNumber(condition.value)) };
    case "generation":
      return { kind: "generation", generation: condition.value };
    case undefined:
      throw unsupported("an operation has a precondition");
  }
}

function uidOf(message: Incarnation): { readonly uid?: string } {
  const { uid } = known(message, "an incarnation");
  return uid === undefined ? {} : { uid };
}
