import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  createFormation,
  ensureIdentity,
  formCluster,
  openDataDirectory,
  type PeerNetwork,
} from "@trellis/raft-node";
import { toVersion } from "@trellis/storage";
import { openWal } from "@trellis/wal";

import { encodeCommand } from "./command-codec.ts";
import { firstChunks } from "./open-local-store.ts";
import { type RecoverableStore, recoverStore } from "./recover-store.ts";
import { storeIdOf } from "./snapshot/first-content.ts";
import { startReplica } from "./start-replica.ts";
import { keyOf, put } from "./test-support/contents.ts";
import { LocalStores, SMALL_WAL } from "./test-support/local-stores.ts";

const JUMP = 2 ** 32;
const ALL = { group: "test", kind: "Thing", partition: "default", namespace: "default" };
const stores = new LocalStores();
beforeEach(() => stores.begin());
afterEach(() => stores.end());

const nextTurn = (callback: () => void): void => void setImmediate(callback);
const silence: PeerNetwork = {
  start: () => undefined,
  setMembers: () => undefined,
  send: () => undefined,
  sendSnapshot: async () => undefined,
  stop: async () => undefined,
};

async function recover(name: string, isConfirmed = true) {
  let found: RecoverableStore | undefined;
  const recovered = await recoverStore(
    {
      clock: stores.clock,
      random: Math.random,
      nextTurn,
      data: await openDataDirectory(stores.path(name)),
    },
    {
      wal: SMALL_WAL,
      confirm: async (store) => {
        found = store;
        return isConfirmed;
      },
    },
  );
  return { recovered, found };
}

/** A directory of a member of three that has begun, and whose log has these entries, of which none is known to be committed. */
async function memberOfThree(name: string, entries: readonly Uint8Array[]): Promise<string> {
  const data = await openDataDirectory(stores.path(name));
  const { nodeId } = await ensureIdentity(data, Math.random);
  const members = [nodeId, nodeId + 1, nodeId + 2].map((id, at) => ({
    id,
    name: `n${at + 1}`,
    address: `n${at + 1}:7511`,
  }));
  const formation = createFormation(members, 1, Math.random);
  await formCluster(data, formation, firstChunks, Math.random);
  const deps = { clock: stores.clock, random: Math.random, nextTurn, data, network: silence };
  await (await startReplica(deps, { wal: SMALL_WAL, entryBytes: 8 * 1024 })).stop();
  const wal = await openWal(
    { disk: data.wal, clock: stores.clock, random: Math.random },
    { limits: SMALL_WAL, create: false },
  );
  await wal.append({ entries: entries.map((bytes, at) => ({ index: 2 + at, term: 3, bytes })) });
  await wal.close();
  return formation.clusterId;
}

const commit = (name: string) =>
  encodeCommand({ kind: "commit", request: undefined, operations: [put(name, name)] });

describe("a recovered directory", () => {
  it("of a member of three is a cluster of one, with all that its log holds, known to be committed or not", async () => {
    const former = await memberOfThree("n1", [commit("a"), commit("b"), commit("c")]);
    await expect(stores.open("n1")).rejects.toMatchObject({ code: "wrong-cluster" });
    const { recovered, found } = await recover("n1");
    expect(found).toMatchObject({ clusterId: former, voters: 3, index: 4, committed: 1, term: 3 });
    expect(found?.members.map(({ name }) => name)).toEqual(["n1", "n2", "n3"]);
    const { backend, node } = await stores.open("n1");
    expect((await backend.list(ALL)).records.map(({ key }) => key.name)).toEqual(["a", "b", "c"]);
    expect(node.status().members).toMatchObject([{ name: "n1", address: "n1:7511", voter: true }]);
    expect(node.clusterId).toBe(recovered?.clusterId);
    expect(node.clusterId).not.toBe(former);
    expect(node.id).not.toBe(found?.nodeId);
    expect(node.status().term).toBeGreaterThan(3);
  });

  it("is another store, whose versions go on 2^32 later: watchers and readers of the former one are told", async () => {
    const original = await stores.open("original");
    await original.backend.openSession("someone");
    const { version } = await original.backend.commit([put("a", "one")]);
    const since = original.backend.position();
    await stores.close(original);
    const { recovered } = await recover("original");
    const { backend } = await stores.open("original");
    expect(recovered?.version).toBeGreaterThanOrEqual(since.version + JUMP);
    expect(recovered?.storeId).toBe(storeIdOf(recovered?.clusterId ?? ""));
    expect(backend.position().storeId).toBe(recovered?.storeId);
    expect(recovered?.storeId).not.toBe(since.storeId);
    await expect(backend.watch(ALL, { since }).next()).rejects.toMatchObject({ code: "store-changed" });
    await expect(
      backend.read(keyOf("a"), { minimum: { storeId: since.storeId, version: toVersion(1) } }),
    ).rejects.toMatchObject({ code: "store-changed" });
    // A write over a version that was lost is refused; over one that is there it goes on.
    const over = (expected: number) =>
      backend.commit([put("a", "two", { kind: "version", version: toVersion(expected) })]);
    expect(await over(version + 1)).toMatchObject({ outcome: "refused", current: { version } });
    expect(await over(version)).toMatchObject({ outcome: "applied" });
    expect(backend.position().version).toBeGreaterThan(since.version + JUMP);
    const session = { id: "someone", openedAt: 2 };
    expect(await backend.keepAlive(session)).toBe(false);
  });

  it("is as it was when the recovery is not confirmed", async () => {
    const original = await stores.open("original");
    const { version } = await original.backend.commit([put("a", "one")]);
    const { storeId } = original.backend.position();
    await stores.close(original);
    expect((await recover("original", false)).recovered).toBeUndefined();
    const again = await stores.open("original");
    expect(again.backend.position().storeId).toBe(storeId);
    expect((await again.backend.read(keyOf("a"))).record?.version).toBe(version);
  });

  it("is refused while a node runs on it, and when it never held anything", async () => {
    await stores.open("running");
    await expect(recover("running")).rejects.toMatchObject({ code: "locked" });
    await expect(recover("empty")).rejects.toMatchObject({ code: "not-formed" });
  });

  it("can be recovered twice: no version is met again", async () => {
    await memberOfThree("n1", [commit("a")]);
    const first = await recover("n1");
    const second = await recover("n1");
    expect(second.recovered?.version).toBeGreaterThanOrEqual((first.recovered?.version ?? 0) + JUMP);
    expect(second.recovered?.storeId).not.toBe(first.recovered?.storeId);
  });
});
