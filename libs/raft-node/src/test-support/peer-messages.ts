import { type Entry, message, type Message, type MessageType } from "@trellis/raft";
import fc from "fast-check";

import type { MessageBatch } from "../connect-peers/batch-bytes.ts";

const types = [
  "MsgApp",
  "MsgAppResp",
  "MsgVote",
  "MsgVoteResp",
  "MsgSnap",
  "MsgHeartbeat",
  "MsgHeartbeatResp",
  "MsgTransferLeader",
  "MsgTimeoutNow",
  "MsgReadIndex",
  "MsgReadIndexResp",
  "MsgPreVote",
  "MsgPreVoteResp",
] as const satisfies readonly MessageType[];

/** Most are as a cluster has them, some as large as may be. */
const number = fc.oneof({ weight: 9, arbitrary: fc.nat() }, { weight: 1, arbitrary: fc.maxSafeNat() });
const bytes = fc.uint8Array({ maxLength: 40 }).map((found) => Uint8Array.from(found));
const ids = fc.array(number, { maxLength: 4 });
const entry: fc.Arbitrary<Entry> = fc.record({
  term: number,
  index: number,
  type: fc.constantFrom("EntryNormal", "EntryConfChange", "EntryConfChangeV2"),
  data: bytes,
});
const snapshot = fc.record({
  data: fc.constant(new Uint8Array()),
  metadata: fc.record({
    index: number,
    term: number,
    confState: fc.record({
      voters: ids,
      learners: ids,
      votersOutgoing: ids,
      learnersNext: ids,
      autoLeave: fc.boolean(),
    }),
  }),
});
/** A message of any kind that leaves a node, from 7 to 9. */
export const anyMessage: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom(...types),
    term: number,
    logTerm: number,
    index: number,
    entries: fc.array(entry, { maxLength: 4 }),
    commit: number,
    snapshot: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: snapshot }),
    reject: fc.boolean(),
    rejectHint: number,
    context: bytes,
  })
  .map((fields) => message({ ...fields, from: 7, to: 9 }));

/** Messages with what their sender announces. */
export const anyBatch: fc.Arbitrary<MessageBatch> = fc.record({
  messages: fc.array(anyMessage, { maxLength: 4 }),
  announcement: fc.record({ featureLevel: fc.nat({ max: 300 }), hasSpace: fc.boolean(), applied: number }),
});

/** Bytes as numbers: buffers of different kinds are equal when their content is. */
export function plain(sent: unknown): unknown {
  return JSON.parse(
    JSON.stringify(sent, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)),
  );
}
