import { noBytes, type Entry, type Proposal } from "../entry.ts";
import { RaftError } from "../errors.ts";
import {
  confChange,
  type ConfChange,
  type ConfChangeStep,
  type ConfChangeTransition,
  type ConfChangeType,
  type ConfChangeV1,
  type ConfChangeV2,
} from "./conf-change.ts";
import { readFields, WireWriter, type WireField } from "./wire.ts";

// Conf changes are log content: they outlive the program that wrote them. Their form is protobuf's, written by hand since
// the core depends on nothing:
//
//   ConfChangeV1 { uint64 id = 1; ConfChangeType type = 2; uint64 node_id = 3; bytes context = 4; }
//   ConfChangeV2 { Transition transition = 1; repeated Step changes = 2; bytes context = 3; }
//   Step { ConfChangeType type = 1; uint64 node_id = 2; }
//
// Enumerations count from 0 in the order of these lists.
const changeTypes: readonly ConfChangeType[] = ["add-node", "remove-node", "update-node", "add-learner"];
const transitions: readonly ConfChangeTransition[] = ["auto", "joint-implicit", "joint-explicit"];

/** The entry that asks for a change. */
export function encodeConfChange(change: ConfChange): Proposal {
  return change.version === 1
    ? { type: "EntryConfChange", data: encodeV1(change) }
    : { type: "EntryConfChangeV2", data: encodeV2(change) };
}

/** The entry that leaves a joint configuration by itself. Without payload, so that no limit on sizes can refuse it. */
export const leaveJointProposal: Proposal = { type: "EntryConfChangeV2", data: noBytes };

/** The change that an entry asks for; undefined for the application's entries. Errors: `invalid-conf-change`. */
export function decodeConfChange(entry: Pick<Entry, "type" | "data">): ConfChange | undefined {
  switch (entry.type) {
    case "EntryNormal":
      return undefined;
    case "EntryConfChange":
      return decodeV1(entry.data);
    case "EntryConfChangeV2":
      return decodeV2(entry.data);
  }
}

function encodeV1({ id, change, context }: ConfChangeV1): Uint8Array {
  const writer = new WireWriter()
    .number(1, id)
    .number(2, changeTypes.indexOf(change.type))
    .number(3, change.nodeId);
  return (context.length > 0 ? writer.bytes(4, context) : writer).finish();
}

function encodeV2({ transition, changes, context }: ConfChangeV2): Uint8Array {
  const writer = new WireWriter().number(1, transitions.indexOf(transition));
  for (const { type, nodeId } of changes) {
    writer.bytes(2, new WireWriter().number(1, changeTypes.indexOf(type)).number(2, nodeId).finish());
  }
  return (context.length > 0 ? writer.bytes(3, context) : writer).finish();
}

function decodeV1(data: Uint8Array): ConfChangeV1 {
  const fields = readFields(data);
  return {
    version: 1,
    id: numberIn(fields, 1),
    change: { type: oneOf(changeTypes, numberIn(fields, 2)), nodeId: numberIn(fields, 3) },
    context: bytesIn(fields, 4),
  };
}

function decodeV2(data: Uint8Array): ConfChangeV2 {
  const fields = readFields(data);
  const changes = fields.filter(({ number }) => number === 2).map(({ value }) => decodeStep(value));
  return confChange(changes, {
    transition: oneOf(transitions, numberIn(fields, 1)),
    context: bytesIn(fields, 3),
  });
}

function decodeStep(value: WireField["value"]): ConfChangeStep {
  if (typeof value === "number")
    throw new RaftError("invalid-conf-change", "expected a step, found a number");
  const fields = readFields(value);
  return { type: oneOf(changeTypes, numberIn(fields, 1)), nodeId: numberIn(fields, 2) };
}

function numberIn(fields: readonly WireField[], number: number): number {
  const value = fields.findLast((field) => field.number === number)?.value ?? 0;
  return typeof value === "number" ? value : notA("number", number);
}

function bytesIn(fields: readonly WireField[], number: number): Uint8Array {
  const value = fields.findLast((field) => field.number === number)?.value ?? noBytes;
  return typeof value === "number" ? notA("byte string", number) : value;
}

function notA(expected: string, field: number): never {
  throw new RaftError("invalid-conf-change", `expected a ${expected} in field ${field} of a conf change`);
}

function oneOf<Value>(values: readonly Value[], number: number): Value {
  const value = values[number];
  if (value !== undefined) return value;
  throw new RaftError("invalid-conf-change", `expected a number below ${values.length}, found ${number}`);
}
