/**
 * Writes the fixtures of the first version: `node libs/raft-node/src/test-support/make-fixtures.ts`. Run once for each version, and commit what it
 * writes; the fixtures of a version never change afterwards: files like them are on people's disks, and programs that speak so on the other end.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { toBinary } from "@bufbuild/protobuf";
import { BatchSchema } from "@trellis/protos/trellis/raft/v1/peer_pb.js";

import { createFormation, formCluster, joinCluster, restoreCluster } from "../begin-cluster.ts";
import { toBatch } from "../connect-peers/message-codec.ts";
import type { RaftNodeConfig } from "../create-raft-node.ts";
import { encodeHardState } from "../entry-codec.ts";
import { ensureIdentity } from "../identity.ts";
import { describeMembers, raiseFeatureLevelEntry, updateMemberEntry } from "../membership-table.ts";
import { SnapshotStore, type StateChunk } from "../snapshots/snapshot-store.ts";
import {
  BATCH,
  fixturesFolder,
  LOG_BYTES,
  NODE_FOLDERS,
  SNAPSHOT_CHUNKS,
  SNAPSHOT_HEADER,
} from "./fixtures.ts";
import { noChunks } from "./list-machine.ts";
import { LoneNode } from "./lone-node.ts";
import { MemoryVolume } from "./memory-volume.ts";
import { seededRandom } from "./seeded-random.ts";

const TINY: RaftNodeConfig = {
  wal: {
    segmentBytes: 16 * 1024,
    hardStateBytes: 256,
    appendBytes: 4096,
    batchBytes: 4096,
    segmentsAhead: 1,
    spareSegments: 1,
  },
  entryBytes: 2048,
  trailingEntries: 2,
};

function write(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(fixturesFolder, path)), { recursive: true });
  writeFileSync(join(fixturesFolder, path), bytes);
}

function writeNode(name: string, volume: MemoryVolume): void {
  for (const folder of NODE_FOLDERS) {
    mkdirSync(join(fixturesFolder, name, folder), { recursive: true });
    for (const [file, bytes] of volume.files(folder))
      if (file !== "LOCK") write(join(name, folder, file), bytes);
  }
}

async function* chunksOf(
  chunks: readonly { readonly kind: number; readonly text: string }[],
): AsyncGenerator<StateChunk> {
  for (const { kind, text } of chunks) yield { kind, bytes: new TextEncoder().encode(text) };
}

const snapshot = new MemoryVolume();
const store = await SnapshotStore.open(snapshot.disk("snapshots"));
await store.write(SNAPSHOT_HEADER, chunksOf(SNAPSHOT_CHUNKS));
for (const [file, bytes] of snapshot.files("snapshots")) write(file, bytes);
write("batch.bin", toBinary(BatchSchema, toBatch(BATCH.messages, BATCH.announcement)));
write("log/update-member.bin", updateMemberEntry(LOG_BYTES.member));
write("log/raise-feature-level.bin", raiseFeatureLevelEntry(LOG_BYTES.level));
write("log/conf-change-context.bin", describeMembers([LOG_BYTES.member]));
write("log/hard-state.bin", encodeHardState(LOG_BYTES.hardState));

const random = seededRandom(11);
const minted = new MemoryVolume();
const { nodeId } = await ensureIdentity(minted.data(), random);
write("identity/minted.json", minted.files("identity").get("node.json") ?? new Uint8Array());
const joining = new MemoryVolume();
await joinCluster(joining.data(), SNAPSHOT_HEADER.clusterId, random);
write("identity/joining.json", joining.files("identity").get("node.json") ?? new Uint8Array());

const formation = createFormation([{ id: nodeId, name: "n", address: "n:7511" }], 1, random);
await formCluster(minted.data(), formation, noChunks, random);
write("identity/formed.json", minted.files("identity").get("node.json") ?? new Uint8Array());
const node = new LoneNode(minted);
await node.start(TINY);
for (let at = 0; at < 8; at++) await node.write(`word ${at}`);
await node.running.takeSnapshot();
await node.write("after the snapshot");
await node.stop();
writeNode("node", minted);

const restored = new MemoryVolume();
const state = JSON.stringify({ words: ["restored"], indexes: [5] });
await restoreCluster(
  restored.data(),
  { name: "n", address: "n:7511" },
  { index: 500, term: 7, featureLevel: 1, chunks: () => chunksOf([{ kind: 2, text: state }]) },
  random,
);
writeNode("restored", restored);
