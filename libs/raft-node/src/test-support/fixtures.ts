import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { emptyConfState, message } from "@trellis/raft";

import type { SnapshotHeader } from "../member.ts";
import { MemoryVolume } from "./memory-volume.ts";

/** Fixtures of the first version of all formats. */
export const fixturesFolder = join(import.meta.dirname, "../../fixtures/v1");
/** The directories of a node, as the fixtures have them. */
export const NODE_FOLDERS = ["identity", "wal", "snapshots"] as const;

export function fixture(path: string): Buffer {
  return readFileSync(join(fixturesFolder, path));
}

/** A node's directories, as they were left. */
export function nodeFixture(name: string): MemoryVolume {
  const volume = new MemoryVolume();
  for (const folder of NODE_FOLDERS) {
    const path = join(fixturesFolder, name, folder);
    // A checkout has no folders without files.
    if (!existsSync(path)) continue;
    for (const file of readdirSync(path)) volume.put(folder, file, readFileSync(join(path, file)));
  }
  return volume;
}

/** A snapshot in the middle of everything: a joint configuration, two state machines. */
export const SNAPSHOT_HEADER: SnapshotHeader = {
  clusterId: "0123456789abcdef0123456789abcdef",
  index: 2 ** 33 + 7,
  term: 9,
  confState: {
    ...emptyConfState,
    voters: [1, 2, 2 ** 51],
    learners: [4],
    votersOutgoing: [1, 5],
    learnersNext: [5],
    autoLeave: true,
  },
  members: [
    { id: 1, name: "one", address: "one:7511" },
    { id: 2, name: "two", address: "[::1]:7511" },
    { id: 4, name: "four", address: "four:7511" },
    { id: 5, name: "five", address: "five:7511" },
    { id: 2 ** 51, name: "large", address: "large:7511" },
  ],
  featureLevel: 3,
};

export const SNAPSHOT_CHUNKS = [
  { kind: 2, text: "first" },
  { kind: 2, text: "" },
  { kind: 127, text: "last" },
];

/** A batch with what the wire has: entries of each type, a snapshot's position, every field. */
export const BATCH = {
  announcement: { featureLevel: 3, hasSpace: false, applied: 2 ** 40 },
  messages: [
    message({
      type: "MsgApp",
      from: 7,
      to: 9,
      term: 5,
      logTerm: 4,
      index: 2 ** 32,
      commit: 2 ** 32 - 1,
      entries: [
        { index: 2 ** 32 + 1, term: 5, type: "EntryNormal", data: Uint8Array.of(2, 0xff) },
        { index: 2 ** 32 + 2, term: 5, type: "EntryConfChangeV2", data: Uint8Array.of(1) },
        { index: 2 ** 32 + 3, term: 5, type: "EntryConfChange", data: Uint8Array.of(2) },
      ],
    }),
    message({
      type: "MsgAppResp",
      from: 7,
      to: 9,
      term: 5,
      index: 8,
      reject: true,
      rejectHint: 6,
      logTerm: 2,
    }),
    message({
      type: "MsgHeartbeat",
      from: 7,
      to: 9,
      term: 5,
      context: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1),
    }),
    message({
      type: "MsgSnap",
      from: 7,
      to: 9,
      term: 5,
      snapshot: {
        data: new Uint8Array(),
        metadata: { index: 12, term: 3, confState: SNAPSHOT_HEADER.confState },
      },
    }),
    message({ type: "MsgPreVoteResp", from: 7, to: 9, term: 6, reject: true }),
  ],
};

/** What the log holds of the node's own. */
export const LOG_BYTES = {
  member: { id: 2 ** 51, name: "large", address: "large:7511" },
  level: 4,
  hardState: { term: 2 ** 34, vote: 2 ** 51, commit: 2 ** 40 },
};
