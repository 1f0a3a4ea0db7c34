import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { StorageLink } from "@trellis/storage/wire";
import { createVirtualClock } from "@trellis/testing";

import { Cluster } from "./test-support/cluster.ts";
import { absent, keyOf, put } from "./test-support/contents.ts";
import { linkTo, type LoopbackServer, serveOnLoopback } from "./test-support/loopback.ts";
import { turns } from "./test-support/turns.ts";

describe("replicas behind the wire", () => {
  let cluster: Cluster;
  let servers: readonly LoopbackServer[];
  let leader: StorageLink;
  let follower: StorageLink;

  beforeEach(async () => {
    cluster = await Cluster.form({ replicas: 2, lagTurns: 20, clock: createVirtualClock() });
    servers = [
      await serveOnLoopback(() => cluster.replica(1).backend),
      await serveOnLoopback(() => cluster.replica(2).backend, { nodeId: 2, takesCommits: false }),
    ];
    leader = await linkTo(servers[0]?.address ?? "");
    follower = await linkTo(servers[1]?.address ?? "");
  });
  afterEach(async () => {
    await leader.close();
    await follower.close();
    for (const server of servers) await server.stop();
    await cluster.stop();
  });

  it("wait for a version that a read asks for, and show it", async () => {
    const { version } = await leader.commit([put("a", "first")]);
    const storeId = follower.position().storeId;
    const { record, position } = await follower.read(keyOf("a"), { minimum: { version, storeId } });
    expect(record).toMatchObject({ version, bytes: new TextEncoder().encode("first") });
    expect(position).toEqual({ storeId, version });
    expect(follower.position()).toEqual(position);
  });

  it("do not reach it: the read that is given up says which version it wanted, and which was there", async () => {
    cluster.replica(2).isCutOff = true;
    const { version } = await leader.commit([put("a", "first")]);
    const given = new AbortController();
    const reads = [
      follower.read(keyOf("a"), { minimum: { version }, signal: given.signal }),
      follower.list(TYPE, { minimum: { version }, signal: given.signal }),
    ];
    const ends = Promise.allSettled(reads);
    await turns(50);
    given.abort();
    const reached = follower.position().version;
    for (const end of await ends) {
      expect(end).toMatchObject({
        reason: {
          code: "version-not-reached",
          message: expect.stringContaining(`expected version ${version}, and`),
        },
      });
      expect(end).toMatchObject({
        reason: { message: expect.stringContaining(`had reached ${reached} when`) },
      });
    }
    expect(follower.pendingCalls).toBe(0);
  });

  it("of another store than the read asks for say so at once", async () => {
    const minimum = { version: follower.position().version, storeId: "another" };
    await expect(follower.read(keyOf("a"), { minimum })).rejects.toMatchObject({ code: "store-changed" });
  });

  it("that do not lead take no commits, and say that they do not lead", async () => {
    await expect(follower.commit([put("a", "first")])).rejects.toMatchObject({
      code: "unavailable",
      isNotLeader: true,
    });
    expect((await leader.read(keyOf("a"))).record).toBeUndefined();
  });

  it("give a request of a session the same answer, however often it arrives", async () => {
    const session = await leader.openSession("origin");
    const first = { session, sequence: 1, lowestUnanswered: 1 };
    const second = { ...first, sequence: 2 };
    const applied = await leader.submit(first, [put("a", "first", absent)]);
    const refused = await leader.submit(second, [put("b", "fine"), put("a", "again", absent)]);
    expect(refused).toMatchObject({
      outcome: "refused",
      operationIndex: 1,
      preconditionIndex: 0,
      current: { key: keyOf("a"), bytes: new TextEncoder().encode("first") },
      isRemembered: false,
    });
    expect(await leader.submit(first, [put("a", "first", absent)])).toEqual(applied);
    expect(await leader.submit(second, [put("b", "fine"), put("a", "again", absent)])).toEqual(refused);
    expect(await leader.submit({ ...second, sequence: 3, lowestUnanswered: 3 }, [])).toMatchObject({
      outcome: "applied",
    });
    expect(await leader.submit(first, [put("a", "first", absent)])).toEqual({
      outcome: "unknown",
      reason: "answered-before",
    });
    const another = {
      session: { ...session, openedAt: session.openedAt + 1 },
      sequence: 1,
      lowestUnanswered: 1,
    };
    expect(await leader.submit(another, [put("c", "third")])).toEqual({
      outcome: "unknown",
      reason: "session-unknown",
    });
    expect(await leader.keepAlive(session)).toBe(true);
    expect(await leader.keepAlive(another.session)).toBe(false);
  });
});

const TYPE = { group: "test", kind: "Thing", partition: "*", namespace: "*" };
