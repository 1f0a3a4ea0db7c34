import { beforeEach, describe, expect, it } from "@jest/globals";
import { RaftNodeError, type RaftNodeErrorCode } from "@trellis/raft-node";
import { StorageError, toVersion } from "@trellis/storage";

import { toStorageError } from "./storage-errors.ts";
import { Cluster } from "./test-support/cluster.ts";
import { absent, exists, keyOf, put, remove } from "./test-support/contents.ts";
import { Replica } from "./test-support/replica.ts";
import { nextTurn, turns } from "./test-support/turns.ts";

const LAG_TURNS = 20;

let cluster: Cluster;

beforeEach(async () => {
  cluster = await Cluster.form({ replicas: 3, lagTurns: LAG_TURNS });
});

describe("reads of a follower that lags", () => {
  it("show what it has applied, and everything when they are strong", async () => {
    const { backend: follower } = cluster.replica(2);
    await cluster.leading.backend.commit([put("a", "x")]);
    expect((await follower.read(keyOf("a"))).record).toBeUndefined();
    expect((await follower.read(keyOf("a"), { consistency: "strong" })).record).toBeDefined();
  });

  it("are answered at once, unless they are strong and somebody has to be asked", async () => {
    const { backend: leader } = cluster.leading;
    await leader.commit([put("a", "x")]);
    expect(leader.readNow(keyOf("a"))).toEqual(await leader.read(keyOf("a")));
    expect(leader.readNow(keyOf("a"), { consistency: "strong" })).toBeUndefined();
    const { backend: follower } = cluster.replica(2);
    expect(follower.readNow(keyOf("a"))?.record).toBeUndefined();
    expect(follower.readNow(keyOf("a"), { consistency: "strong" })).toBeUndefined();
    cluster.leading.votesAlone = true;
    expect(leader.readNow(keyOf("a"), { consistency: "strong" })?.record).toBeDefined();
  });

  it("show everything in strong lists too", async () => {
    const { backend: follower } = cluster.replica(2);
    await cluster.leading.backend.commit([put("a", "x"), put("b", "y")]);
    const query = { ...keyOf("a"), name: undefined };
    expect((await follower.list(query)).records).toHaveLength(0);
    expect((await follower.list(query, { consistency: "strong" })).records).toHaveLength(2);
  });

  it("are unavailable when nobody confirms them, while the others go on", async () => {
    const follower = cluster.replica(2);
    follower.isCutOff = true;
    const strong = follower.backend.read(keyOf("a"), { consistency: "strong" });
    await expect(strong).rejects.toMatchObject({ name: "StorageError", code: "unavailable" });
    expect((await follower.backend.read(keyOf("a"))).record).toBeUndefined();
  });

  it("end with their signal", async () => {
    await cluster.leading.backend.commit([put("a", "x")]);
    const controller = new AbortController();
    const { signal } = controller;
    const strong = cluster.replica(2).backend.read(keyOf("a"), { consistency: "strong", signal });
    controller.abort();
    await expect(strong).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("commits", () => {
  it("are for the leader; others say who leads", async () => {
    await expect(cluster.replica(2).backend.commit([put("a", "x")])).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("ask 1"),
      cause: { leader: 1 },
    });
  });

  it("are refused before they get into the log when they break a rule", async () => {
    const before = cluster.lastIndex;
    await expect(cluster.leading.backend.commit([put("a", "x"), remove("a")])).rejects.toMatchObject({
      code: "invalid",
    });
    expect(cluster.lastIndex).toBe(before);
  });

  it("say which of the caller's preconditions did not hold", async () => {
    const second = { kind: "exists", uid: "other" } as const;
    await cluster.leading.backend.commit([put("a", "x")]);
    const result = await cluster.leading.backend.commit([put("b", "y"), put("a", "y", exists, second)]);
    expect(result).toMatchObject({ outcome: "refused", operationIndex: 1, current: { uid: "uid" } });
    if (result.outcome === "refused") expect(result.precondition).toBe(second);
  });

  it("are not waited for any longer than the caller wants; then nobody knows", async () => {
    const controller = new AbortController();
    const committing = cluster.leading.backend.commit([put("a", "x")], { signal: controller.signal });
    controller.abort();
    await expect(committing).rejects.toMatchObject({ code: "outcome-unknown" });
  });

  it("whose caller has left before do nothing", async () => {
    const before = cluster.lastIndex;
    const committing = cluster.leading.backend.commit([put("a", "x")], { signal: AbortSignal.abort() });
    await expect(committing).rejects.toMatchObject({ code: "aborted" });
    expect(cluster.lastIndex).toBe(before);
  });
});

describe("what changes nothing", () => {
  it("is answered without an entry of the log", async () => {
    const { backend } = cluster.leading;
    await backend.commit([put("a", "x")]);
    const before = cluster.lastIndex;
    const check = { kind: "check", key: keyOf("a"), preconditions: [absent] } as const;
    expect(await backend.commit([check])).toMatchObject({ outcome: "refused", current: { uid: "uid" } });
    expect(await backend.commit([])).toMatchObject({ outcome: "applied" });
    expect(await backend.commit([put("a", "y", exists)], { evaluateOnly: true })).toMatchObject({
      outcome: "applied",
    });
    expect(cluster.lastIndex).toBe(before);
  });

  it("is answered by a follower from state that was confirmed, not from what it happens to have", async () => {
    const { backend: follower } = cluster.replica(2);
    await cluster.leading.backend.commit([put("a", "x")]);
    const check = { kind: "check", key: keyOf("a"), preconditions: [exists] } as const;
    expect(await follower.commit([check])).toMatchObject({ outcome: "applied" });
    await cluster.leading.backend.commit([put("a", "y")]);
    const evaluated = await follower.commit([put("a", "z", { kind: "version", version: toVersion(2) })], {
      evaluateOnly: true,
    });
    expect(evaluated).toMatchObject({ outcome: "refused", current: { version: 3 } });
  });

  it("is checked as any commit", async () => {
    const check = { kind: "check", key: { ...keyOf("a"), partition: "*" }, preconditions: [] } as const;
    await expect(cluster.leading.backend.commit([check])).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("troubles of the node", () => {
  it.each<[RaftNodeErrorCode, string]>([
    ["not-leader", "unavailable"],
    ["stopping", "unavailable"],
    ["stopped", "unavailable"],
    ["unavailable", "unavailable"],
    ["damaged", "unavailable"],
    ["busy", "resource-exhausted"],
    ["no-space", "no-space"],
    ["too-large", "invalid"],
    ["aborted", "aborted"],
    ["outcome-unknown", "outcome-unknown"],
  ])("%s is %s to a caller of storage", async (code, expected) => {
    cluster.refusal = code;
    const failure = await cluster.leading.backend.commit([put("a", "x")]).catch((error: unknown) => error);
    expect(StorageError.is(failure)).toBe(true);
    expect(failure).toMatchObject({ code: expected, cause: { code } });
  });

  it("that are mistakes of this package stay what they are", () => {
    const mistake = new RaftNodeError("invalid", "no such kind");
    expect(toStorageError(mistake)).toBe(mistake);
    const other = new TypeError("x");
    expect(toStorageError(other)).toBe(other);
  });
});

describe("a replica without a snapshot", () => {
  it("has nothing to show, and says so", async () => {
    const { backend } = new Replica(cluster, { id: 9, clock: cluster.clock, lagTurns: 0 });
    const unavailable = expect.objectContaining({
      code: "unavailable",
      message: expect.stringContaining("ask another"),
    });
    await expect(backend.read(keyOf("a"))).rejects.toEqual(unavailable);
    await expect(backend.list({ ...keyOf("a") })).rejects.toEqual(unavailable);
    await expect(backend.commit([put("a", "x")])).rejects.toEqual(unavailable);
    await expect(backend.openSession("s")).rejects.toEqual(unavailable);
    expect(() => backend.watch({ ...keyOf("a") })).toThrow(unavailable);
  });
});

describe("a replica whose backend is closed", () => {
  it("goes on applying what the others commit", async () => {
    const follower = cluster.replica(2);
    await follower.backend.close();
    await cluster.leading.backend.commit([put("a", "x")]);
    await turns(LAG_TURNS + 2);
    expect(await follower.machine.hashState()).toEqual(await cluster.leading.machine.hashState());
    await nextTurn();
  });
});
