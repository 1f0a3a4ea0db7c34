import { describe, expect, it } from "@jest/globals";

import { wordEntry } from "../test-support/list-machine.ts";
import { TestCluster } from "../test-support/test-cluster.ts";

describe("what a proposal reads as", () => {
  it("is given to the state machine of the node that proposed it, and to no other", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    await cluster.followers();
    const words = Array.from({ length: 20 }, (_, at) => `word ${at}`);
    const answers = words.map((word) => leader.running.propose(wordEntry(word), { command: `own ${word}` }));
    await cluster.time.settle(Promise.all(answers));
    await cluster.agreement();
    for (const machine of cluster.machines) {
      const given = words.map((word) => machine.machine.given.get(word));
      expect(given).toEqual(words.map((word) => (machine === leader ? `own ${word}` : undefined)));
    }
    leader.crash("kept");
    await leader.start();
    await cluster.agreement();
    expect(leader.machine.words).toEqual(words);
    expect(words.map((word) => leader.machine.given.get(word))).toEqual(words.map(() => undefined));
  });

  it("is forgotten when the node leads no longer, also where a later leader commits the entry", async () => {
    const cluster = await TestCluster.form(3);
    const old = await cluster.leader();
    await cluster.followers();
    await cluster.write("first");
    // The entry gets there, and it is not told.
    cluster.network.loses = ({ to, message }) => to === old.id && message.type === "MsgAppResp";
    const answer = old.running.propose(wordEntry("late"), { command: "own" });
    await cluster.time.pass(20);
    cluster.network.isolate(old.id);
    await cluster.time.until("it steps down", () => old.running.status().role !== "leader");
    const others = cluster.machines.filter((machine) => machine !== old);
    await cluster.time.until("another leads", () =>
      others.some(({ node }) => node?.status().role === "leader"),
    );
    cluster.network.loses = undefined;
    cluster.network.heal();
    await cluster.time.settle(answer);
    expect(old.machine.words).toEqual(["first", "late"]);
    expect(old.machine.given.get("late")).toBeUndefined();
  });
});

describe("a proposal whose caller waits no longer", () => {
  it("is answered with the next tick: nobody knows what becomes of it", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    for (const { id } of cluster.machines) cluster.network.isolate(id);
    const caller = new AbortController();
    const answer = leader.running.propose(wordEntry("given up"), { signal: caller.signal });
    let code: string | undefined;
    answer.catch((error: { readonly code: string }) => {
      code = error.code;
    });
    await cluster.time.pass(30);
    expect(code).toBeUndefined();
    caller.abort();
    await cluster.time.pass(30);
    expect(code).toBe("outcome-unknown");
    expect(leader.running.status().pendingProposals).toBe(0);
  });
});
