import { beforeEach, describe, expect, it } from "@jest/globals";
import type { StoredRecord, Session, SessionRequest } from "@trellis/storage";

import type { Command } from "./command.ts";
import { encodeCommand } from "./command-codec.ts";
import { MAX_SESSIONS, MAX_UNANSWERED, requestFault, Sessions } from "./sessions.ts";
import type { CommandAnswer, StorageMachine } from "./storage-machine.ts";
import { Cluster } from "./test-support/cluster.ts";
import { absent, keyOf, put } from "./test-support/contents.ts";

let cluster: Cluster;

beforeEach(async () => {
  cluster = await Cluster.form({ replicas: 3 });
});

/** Applies a command on the leader as if it came from the log, whatever a leader would have refused before. */
function log(command: Command): Promise<CommandAnswer> {
  return cluster.leading.propose(encodeCommand(command)).then(({ result }) => result as CommandAnswer);
}

function requestOf(session: Session, sequence: number, lowestUnanswered = 1): SessionRequest {
  return { session, sequence, lowestUnanswered };
}

async function stored(name: string): Promise<StoredRecord | undefined> {
  return (await cluster.leading.backend.read(keyOf(name), { consistency: "strong" })).record;
}

function textOf(record: StoredRecord | undefined): string | undefined {
  return record === undefined ? undefined : new TextDecoder().decode(record.bytes);
}

describe("a commit in a session", () => {
  it("takes effect once when it is delivered twice, and is answered alike", async () => {
    const { backend } = cluster.leading;
    const request = requestOf(await backend.openSession("s"), 1);
    const first = await backend.submit(request, [put("a", "one")]);
    const again = await backend.submit(request, [put("a", "one")]);
    expect(first.outcome).toBe("applied");
    expect(again).toEqual(first);
    expect(await stored("a")).toMatchObject({ version: first.outcome === "applied" && first.version });
  });

  it.each(["before", "after"] as const)(
    "takes effect once when it is repeated after a loss %s the log",
    async (what) => {
      const { backend } = cluster.leading;
      const request = requestOf(await backend.openSession("s"), 1);
      cluster.lose(what);
      await expect(backend.submit(request, [put("a", "one", absent)])).rejects.toMatchObject({
        code: "outcome-unknown",
      });
      expect(await backend.submit(request, [put("a", "one", absent)])).toMatchObject({ outcome: "applied" });
      expect(textOf(await stored("a"))).toBe("one");
    },
  );

  it("takes effect once when another leader gets the repetition", async () => {
    const request = requestOf(await cluster.leading.backend.openSession("s"), 1);
    cluster.lose("after");
    await expect(cluster.leading.backend.submit(request, [put("a", "one", absent)])).rejects.toThrow();
    cluster.lead(2);
    expect(await cluster.leading.backend.submit(request, [put("a", "one", absent)])).toMatchObject({
      outcome: "applied",
    });
  });

  it("is remembered under its own sequence, in whatever order requests arrive", async () => {
    const { backend } = cluster.leading;
    const session = await backend.openSession("s");
    const ask = (sequence: number) =>
      backend.submit(requestOf(session, sequence), [put(`n${sequence}`, "x", absent)]);
    const answers = new Map<number, unknown>();
    for (const sequence of [3, 1, 2]) answers.set(sequence, await ask(sequence));
    for (const sequence of [1, 2, 3]) expect(await ask(sequence)).toEqual(answers.get(sequence));
    expect(new Set([...answers.values()].map((answer) => JSON.stringify(answer))).size).toBe(3);
  });

  it("that was refused stays refused, and shows what was stored then while the history has it", async () => {
    const { backend } = cluster.leading;
    await backend.commit([put("a", "then")]);
    const request = requestOf(await backend.openSession("s"), 1);
    const refused = await backend.submit(request, [put("b", "x"), put("a", "mine", absent)]);
    expect(refused).toMatchObject({ outcome: "refused", operationIndex: 1, preconditionIndex: 0 });
    await backend.commit([{ kind: "delete", key: keyOf("a"), preconditions: [] }]);
    expect(await backend.submit(request, [put("b", "x"), put("a", "mine", absent)])).toEqual(refused);
    expect(await stored("b")).toBeUndefined();
  });

  it("that was refused says that the record is to be read again when the history has forgotten it", async () => {
    const { backend } = cluster.leading;
    await backend.commit([put("a", "then")]);
    const request = requestOf(await backend.openSession("s"), 1);
    const refused = await backend.submit(request, [put("a", "mine", absent)]);
    await backend.commit([put("c", "later")]);
    await cluster.sendSnapshot(cluster.leading, cluster.leading);
    expect(await backend.submit(request, [put("a", "mine", absent)])).toEqual({
      ...refused,
      current: undefined,
      isRemembered: true,
    });
  });

  it("never executes once its origin has the answer", async () => {
    const { backend } = cluster.leading;
    const session = await backend.openSession("s");
    await backend.submit(requestOf(session, 2, 2), [put("b", "x")]);
    // A copy that was on its way for long.
    expect(await backend.submit(requestOf(session, 1, 1), [put("a", "x")])).toEqual({
      outcome: "unknown",
      reason: "answered-before",
    });
    expect(await stored("a")).toBeUndefined();
  });

  it("forgets what its origin has answers for, also when the bound skips what never arrived", async () => {
    const { backend } = cluster.leading;
    const session = await backend.openSession("s");
    await backend.submit(requestOf(session, 1), [put("a", "x")]);
    await backend.submit(requestOf(session, 5000, 5000), [put("b", "x")]);
    const [state] = sessionsOf(cluster.leading.machine);
    expect(state?.results).toEqual([5000]);
    expect(await backend.submit(requestOf(session, 1), [put("a", "y")])).toMatchObject({
      outcome: "unknown",
    });
  });
});

describe("a session that is not open", () => {
  it.each<{ name: string; of: (session: Session) => Session }>([
    { name: "that never was", of: () => ({ id: "never", openedAt: 7 }) },
    { name: "of another opening", of: ({ id, openedAt }) => ({ id, openedAt: openedAt + 1 }) },
  ])("$name executes nothing, and says that nobody knows", async ({ of }) => {
    const { backend } = cluster.leading;
    const session = of(await backend.openSession("s"));
    expect(await backend.submit(requestOf(session, 1), [put("a", "x")])).toEqual({
      outcome: "unknown",
      reason: "session-unknown",
    });
    expect(await backend.keepAlive(session)).toBe(false);
    expect(await stored("a")).toBeUndefined();
  });

  it("is not revived by an opening that arrives late", async () => {
    const { backend, machine } = cluster.leading;
    const session = await backend.openSession("s");
    await backend.submit(requestOf(session, 1), [put("a", "x")]);
    await log({ kind: "close-sessions", sessions: machine.silentSince(cluster.lastIndex, 10) });
    await backend.openSession("s");
    expect(await backend.submit(requestOf(session, 1), [put("a", "y")])).toMatchObject({
      outcome: "unknown",
    });
    expect(textOf(await stored("a"))).toBe("x");
  });

  it("opening it again while it is open finds the same one", async () => {
    const { backend } = cluster.leading;
    cluster.lose("after");
    await expect(backend.openSession("s")).rejects.toMatchObject({ code: "outcome-unknown" });
    const session = await backend.openSession("s");
    expect(await backend.openSession("s")).toEqual(session);
    expect(cluster.leading.machine.sessions.size).toBe(1);
  });

  it.each(["", "x".repeat(65)])("has an id of a reasonable length, not %j", async (id) => {
    await expect(cluster.leading.backend.openSession(id)).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("the bounds of sessions", () => {
  it("are 1,024 unanswered requests, also for what another leader put into the log", async () => {
    const { backend } = cluster.leading;
    const session = await backend.openSession("s");
    const beyond = requestOf(session, MAX_UNANSWERED + 1);
    const before = cluster.lastIndex;
    await expect(backend.submit(beyond, [put("a", "x")])).rejects.toMatchObject({
      code: "resource-exhausted",
      message: expect.stringContaining("at most 1024 unanswered"),
    });
    expect(cluster.lastIndex).toBe(before);
    const operations = [put("a", "x")];
    expect(await log({ kind: "commit", request: beyond, operations })).toMatchObject({ outcome: "invalid" });
    expect(await stored("a")).toBeUndefined();
    expect(await backend.submit(requestOf(session, MAX_UNANSWERED), operations)).toMatchObject({
      outcome: "applied",
    });
  });

  it.each([
    [1, 1],
    [1024, 1],
    [5000, 3977],
  ])("let request %d pass with %d unanswered", (sequence, lowestUnanswered) => {
    expect(requestFault(requestOf({ id: "s", openedAt: 1 }, sequence, lowestUnanswered))).toBeUndefined();
  });

  it.each([
    [0, 0],
    [1, 0],
    [1, 2],
    [1.5, 1],
    [5001, 3977],
    [2 ** 53, 2 ** 53],
  ])("stop request %d with %d unanswered", (sequence, lowestUnanswered) => {
    expect(requestFault(requestOf({ id: "s", openedAt: 1 }, sequence, lowestUnanswered))).toContain(
      "unanswered",
    );
  });

  it("are 10,000 sessions: one more ends the one that was longest not used", () => {
    const sessions = new Sessions();
    for (let index = 1; index <= MAX_SESSIONS; index++) sessions.open(`s${index}`, index);
    expect(sessions.use({ id: "s1", openedAt: 1 }, MAX_SESSIONS + 1)).toBe(true);
    sessions.open("one more", MAX_SESSIONS + 2);
    expect(sessions.size).toBe(MAX_SESSIONS);
    expect(sessions.use({ id: "s2", openedAt: 2 }, MAX_SESSIONS + 3)).toBe(false);
    expect(sessions.use({ id: "s1", openedAt: 1 }, MAX_SESSIONS + 4)).toBe(true);
    // Opening one that is open ends none.
    sessions.open("s3", MAX_SESSIONS + 5);
    expect(sessions.size).toBe(MAX_SESSIONS);
  });
});

describe("the end of silent sessions", () => {
  it("comes by an entry, for those that were not used since they were found silent", async () => {
    const { backend, machine } = cluster.leading;
    const [quiet, busy] = [await backend.openSession("quiet"), await backend.openSession("busy")];
    const sessions = machine.silentSince(cluster.lastIndex, 10);
    // Between the look and the entry.
    await backend.submit(requestOf(busy, 1), [put("a", "x")]);
    expect(await log({ kind: "close-sessions", sessions })).toEqual({ outcome: "closed", sessions: 1 });
    expect(await backend.keepAlive(busy)).toBe(true);
    expect(await backend.keepAlive(quiet)).toBe(false);
  });
});

describe("a snapshot", () => {
  it("keeps sessions and what they remember", async () => {
    const { backend } = cluster.leading;
    const session = await backend.openSession("s");
    const applied = await backend.submit(requestOf(session, 1), [put("a", "x", absent)]);
    const refused = await backend.submit(requestOf(session, 2), [put("b", "x"), put("a", "y", absent)]);
    const follower = cluster.replica(2);
    follower.isCutOff = true;
    await cluster.sendSnapshot(cluster.leading, follower);
    follower.isCutOff = false;
    cluster.lead(2);
    const repeat = (sequence: number) =>
      follower.backend.submit(requestOf(session, sequence), [put("b", "x"), put("a", "y", absent)]);
    expect(await repeat(1)).toEqual(applied);
    expect(await repeat(2)).toEqual(refused);
  });

  it("does not show what happens in a session after it was taken", () => {
    const sessions = new Sessions();
    const session = sessions.open("s", 1);
    sessions.recall(requestOf(session, 1), 2);
    sessions.remember(requestOf(session, 1), { outcome: "applied", version: 2 as StoredRecord["version"] });
    const taken = sessions.capture();
    sessions.recall(requestOf(session, 2, 2), 3);
    sessions.remember(requestOf(session, 2), { outcome: "applied", version: 3 as StoredRecord["version"] });
    expect(taken).toMatchObject([
      { lastUsed: 2, lowestUnanswered: 1, results: new Map([[1, { version: 2 }]]) },
    ]);
    expect(sessions.capture()).toMatchObject([{ lastUsed: 3, lowestUnanswered: 2 }]);
  });
});

/** The sequences that each session remembers. */
function sessionsOf(machine: StorageMachine): { readonly results: readonly number[] }[] {
  return machine.sessions.capture().map(({ results }) => ({ results: [...results.keys()] }));
}
