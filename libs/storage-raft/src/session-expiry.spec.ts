import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { EXPIRY_CHECK_MS, SESSION_SILENCE_MS } from "./session-expiry.ts";
import { Cluster } from "./test-support/cluster.ts";
import { put } from "./test-support/contents.ts";

let cluster: Cluster;

beforeEach(async () => {
  cluster = await Cluster.form({ replicas: 2 });
});

afterEach(() => cluster.stop());

const openSessions = () => cluster.leading.machine.sessions.size;
/** By when silence has been noticed: at the look after ten minutes, counted from the look after the last use. */
const NOTICED_MS = SESSION_SILENCE_MS + 2 * EXPIRY_CHECK_MS;

describe("the leader's look at sessions", () => {
  it("ends one after ten minutes of silence, not before", async () => {
    await cluster.leading.backend.openSession("s");
    await cluster.clock.advance(SESSION_SILENCE_MS);
    expect(openSessions()).toBe(1);
    await cluster.clock.advance(NOTICED_MS - SESSION_SILENCE_MS);
    expect(openSessions()).toBe(0);
    expect(cluster.replica(2).machine.sessions.size).toBe(0);
  });

  it("leaves alone what is used, by a commit or by a sign of life", async () => {
    const { backend } = cluster.leading;
    const [one, other] = [await backend.openSession("one"), await backend.openSession("other")];
    await backend.openSession("silent");
    for (let sequence = 1; sequence <= 5; sequence++) {
      await cluster.clock.advance(SESSION_SILENCE_MS / 2);
      const request = { session: one, sequence, lowestUnanswered: sequence };
      await Promise.all([backend.submit(request, [put("a", String(sequence))]), backend.keepAlive(other)]);
    }
    expect(openSessions()).toBe(2);
    expect(await backend.keepAlive(one)).toBe(true);
    expect(await backend.keepAlive(other)).toBe(true);
  });

  it("begins to count anew with a new leader, whose clock knows nothing of before", async () => {
    await cluster.leading.backend.openSession("s");
    await cluster.clock.advance(SESSION_SILENCE_MS - EXPIRY_CHECK_MS);
    cluster.lead(2);
    await cluster.clock.advance(SESSION_SILENCE_MS);
    expect(openSessions()).toBe(1);
    await cluster.clock.advance(NOTICED_MS - SESSION_SILENCE_MS);
    expect(openSessions()).toBe(0);
  });

  it("counts nothing of before when it leads again", async () => {
    await cluster.leading.backend.openSession("s");
    await cluster.clock.advance(SESSION_SILENCE_MS - EXPIRY_CHECK_MS);
    cluster.lead(2);
    cluster.lead(1);
    await cluster.clock.advance(SESSION_SILENCE_MS);
    expect(openSessions()).toBe(1);
  });

  it("looks again when the entry did not get into the log", async () => {
    await cluster.leading.backend.openSession("s");
    cluster.refusal = "busy";
    await cluster.clock.advance(NOTICED_MS);
    expect(openSessions()).toBe(1);
    cluster.refusal = undefined;
    await cluster.clock.advance(EXPIRY_CHECK_MS);
    expect(openSessions()).toBe(0);
  });

  it("ends with the backend", async () => {
    await cluster.leading.backend.openSession("s");
    await cluster.stop();
    expect(cluster.clock.pending()).toBe(0);
  });
});
