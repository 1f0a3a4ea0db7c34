import { type FieldScan, RecurringText } from "@trellis/resource/node";

import type { Key } from "../key.ts";
import type { Operation, Precondition } from "../operation.ts";
import { type OwnerRef, type RecordInit, type StoredRecord, toVersion } from "../record.ts";
import type { SessionRequest } from "../sessions.ts";
import { RecurringChecks } from "./recurring-checks.ts";
import type { WrittenCommit } from "./write-commit.ts";

/** What fields begin with, by the place that they have in their message: those with a length, those with a number. */
const FIRST = 0x0a;
const SECOND = 0x12;
const THIRD = 0x1a;
const FOURTH = 0x22;
const FIFTH = 0x2a;
const SIXTH = 0x32;
const SECOND_NUMBER = 0x10;
const THIRD_NUMBER = 0x18;
const FOURTH_NUMBER = 0x20;
const FIFTH_NUMBER = 0x28;

/** What most records, keys and requests of a process have in common. */
const recent = {
  session: new RecurringText(),
  group: new RecurringText(),
  kind: new RecurringText(),
  partition: new RecurringText(),
  namespace: new RecurringText(),
  groupVersion: new RecurringText(),
};

const checks = new RecurringChecks();

/**
 * The fields of a `Commit` up to `end`: what `fromRequestMessage` and `fromOperationMessage` make of what the library reads, at a fraction of the cost, as long as
 * the scan is as expected; else nothing.
 */
export function commitIn(scan: FieldScan, end: number): WrittenCommit {
  const request = requestIn(scan, end);
  const operations: Operation[] = [];
  for (let inner = scan.enter(SECOND, end); inner !== undefined; inner = scan.enter(SECOND, end)) {
    const start = scan.at;
    const known = checks.find(scan.bytesRead, start, inner);
    if (known !== undefined) {
      scan.skipTo(inner);
      operations.push(known);
      continue;
    }
    const operation = operationIn(scan, inner);
    if (scan.isAsExpected) operations.push(checks.read(operation, scan.bytesRead, start, inner));
  }
  scan.leave(end);
  return { request, operations };
}

/** The fields of a `StoredRecord` up to `end`. */
export function storedRecordIn(scan: FieldScan, end: number): StoredRecord {
  const key = keyIn(scan, scan.need(FIRST, end));
  const version = toVersion(scan.number(SECOND_NUMBER, end));
  const record = recordIn(scan, scan.need(THIRD, end));
  scan.leave(end);
  return { key, ...record, version };
}

/** The fields of a `Key` up to `end`. */
export function keyIn(scan: FieldScan, end: number): Key {
  const key = {
    group: scan.text(FIRST, end, recent.group),
    kind: scan.text(SECOND, end, recent.kind),
    partition: scan.text(THIRD, end, recent.partition),
    namespace: scan.text(FOURTH, end, recent.namespace),
    name: scan.text(FIFTH, end),
  };
  scan.leave(end);
  return key;
}

function requestIn(scan: FieldScan, end: number): SessionRequest | undefined {
  const inner = scan.enter(FIRST, end);
  if (inner === undefined) return undefined;
  const innermost = scan.need(FIRST, inner);
  const session = {
    id: scan.text(FIRST, innermost, recent.session),
    openedAt: scan.number(SECOND_NUMBER, innermost),
  };
  scan.leave(innermost);
  const request = {
    session,
    sequence: scan.number(SECOND_NUMBER, inner),
    lowestUnanswered: scan.number(THIRD_NUMBER, inner),
  };
  scan.leave(inner);
  return request;
}

function operationIn(scan: FieldScan, end: number): Operation {
  const key = keyIn(scan, scan.need(FIRST, end));
  const preconditions: Precondition[] = [];
  for (let inner = scan.enter(SECOND, end); inner !== undefined; inner = scan.enter(SECOND, end)) {
    const precondition = preconditionIn(scan, inner);
    if (precondition !== undefined) preconditions.push(precondition);
  }
  const put = scan.enter(THIRD, end);
  if (put !== undefined) {
    const record = recordIn(scan, put);
    scan.leave(end);
    return { kind: "put", key, record, preconditions };
  }
  const deleted = scan.enter(FOURTH, end);
  const empty = deleted ?? scan.need(FIFTH, end);
  scan.leave(empty);
  scan.leave(end);
  return { kind: deleted === undefined ? "check" : "delete", key, preconditions };
}

function recordIn(scan: FieldScan, end: number): RecordInit {
  const record = {
    uid: scan.text(FIRST, end),
    groupVersion: scan.text(SECOND, end, recent.groupVersion),
    generation: scan.text(THIRD, end),
    owner: ownerIn(scan, end),
    marked: scan.flag(FIFTH_NUMBER, end),
    bytes: scan.bytes(SIXTH, end),
  };
  scan.leave(end);
  return record;
}

function ownerIn(scan: FieldScan, end: number): OwnerRef | undefined {
  const inner = scan.enter(FOURTH, end);
  if (inner === undefined) return undefined;
  const owner = { key: keyIn(scan, scan.need(FIRST, inner)), uid: scan.text(SECOND, inner) };
  scan.leave(inner);
  return owner;
}

function preconditionIn(scan: FieldScan, end: number): Precondition | undefined {
  const precondition = conditionIn(scan, end);
  if (precondition === undefined) scan.refuse();
  scan.leave(end);
  return precondition;
}

function conditionIn(scan: FieldScan, end: number): Precondition | undefined {
  const absent = scan.enter(FIRST, end);
  if (absent !== undefined) {
    scan.leave(absent);
    return { kind: "absent" };
  }
  const exists = scan.enter(SECOND, end);
  if (exists !== undefined) return incarnationIn("exists", scan, exists);
  const live = scan.enter(THIRD, end);
  if (live !== undefined) return incarnationIn("live", scan, live);
  const version = scan.presentNumber(FOURTH_NUMBER, end);
  if (version !== undefined) return { kind: "version", version: toVersion(version) };
  const generation = scan.presentText(FIFTH, end);
  return generation === undefined ? undefined : { kind: "generation", generation };
}

function incarnationIn(kind: "exists" | "live", scan: FieldScan, end: number): Precondition {
  const uid = scan.presentText(FIRST, end);
  scan.leave(end);
  return uid === undefined ? { kind } : { kind, uid };
}
