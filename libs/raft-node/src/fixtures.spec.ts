import { describe, expect, it } from "@jest/globals";
import { asV2, confChange, emptyConfState } from "@trellis/raft";

import { decodeBatch, encodeBatch } from "./connect-peers/batch-bytes.ts";
import { decodeHardState, encodeHardState } from "./entry-codec.ts";
import { readIdentity } from "./identity.ts";
import { emptyHeader } from "./load-node.ts";
import { MembershipTable } from "./membership-table.ts";
import { readSnapshot } from "./snapshots/read-snapshot.ts";
import {
  BATCH,
  fixture,
  LOG_BYTES,
  nodeFixture,
  SNAPSHOT_CHUNKS,
  SNAPSHOT_HEADER,
} from "./test-support/fixtures.ts";
import { LoneNode } from "./test-support/lone-node.ts";
import { MemoryVolume } from "./test-support/memory-volume.ts";

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, found: unknown) => (found instanceof Uint8Array ? [...found] : found)),
  );

describe("what the first version wrote", () => {
  it("as a snapshot is read for ever", async () => {
    const reading = await readSnapshot(one(fixture("snapshot-0000008589934599-0000000009")), "the fixture");
    expect(reading.header).toEqual(SNAPSHOT_HEADER);
    const found: { kind: number; text: string }[] = [];
    for await (const { kind, bytes } of reading.chunks)
      found.push({ kind, text: new TextDecoder().decode(bytes) });
    expect(found).toEqual(SNAPSHOT_CHUNKS);
  });

  it("to a member is understood for ever, and said in the same bytes", () => {
    const wire = fixture("batch.bin");
    expect(plain(decodeBatch(Uint8Array.from(wire), { from: 7, to: 9 }))).toEqual(plain(BATCH));
    expect(Buffer.from(encodeBatch(BATCH))).toEqual(wire);
  });

  it("into the log of its own is applied for ever", () => {
    expect(decodeHardState(fixture("log/hard-state.bin"))).toEqual(LOG_BYTES.hardState);
    expect(Buffer.from(encodeHardState(LOG_BYTES.hardState))).toEqual(
      Buffer.from(fixture("log/hard-state.bin")),
    );
    const { member, level } = LOG_BYTES;
    const table = new MembershipTable(emptyHeader("c"));
    const change = asV2(confChange([], { context: fixture("log/conf-change-context.bin") }));
    table.reconfigured(change, { ...emptyConfState, voters: [member.id] });
    expect(table.members).toEqual([member]);
    table.reconfigured(change, { ...emptyConfState, voters: [member.id, 7] });
    table.apply(fixture("log/update-member.bin").subarray(1));
    table.apply(fixture("log/raise-feature-level.bin").subarray(1));
    expect(table.members).toContainEqual(member);
    expect(table.featureLevel).toBe(level);
  });

  it.each([
    ["minted", { clusterId: undefined, beginsAt: undefined }],
    ["joining", { clusterId: SNAPSHOT_HEADER.clusterId, beginsAt: { index: 0, term: 0 } }],
    ["formed", { formation: { featureLevel: 1, members: [{ name: "n" }] }, beginsAt: { index: 1, term: 1 } }],
  ])("as the identity of a node is known for ever: %s", async (name, expected) => {
    const volume = new MemoryVolume();
    volume.put("identity", "node.json", fixture(`identity/${name}.json`));
    const found = await readIdentity(volume.data().identity);
    expect(found).toMatchObject(expected);
    expect(found?.nodeId).toBeGreaterThan(0);
  });

  it("as a node's directory starts for ever: snapshot, and the log behind it", async () => {
    const node = new LoneNode(nodeFixture("node"));
    await node.start();
    const words = [...Array.from({ length: 8 }, (_, at) => `word ${at}`), "after the snapshot"];
    expect(node.machine.words).toEqual(words);
    await node.write("today");
    expect(node.machine.words).toEqual([...words, "today"]);
    expect(node.running.status().snapshotIndex).toBe(10);
    await node.stop();
  });

  it("as a restored directory starts for ever", async () => {
    const node = new LoneNode(nodeFixture("restored"));
    await node.start();
    expect(node.machine.words).toEqual(["restored"]);
    await node.write("today");
    expect(node.machine.indexes.at(-1)).toBeGreaterThan(2 ** 32 + 500);
    await node.stop();
  });
});
