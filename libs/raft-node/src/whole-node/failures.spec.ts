import { describe, expect, it } from "@jest/globals";

import { wordEntry } from "../test-support/list-machine.ts";
import { diskError } from "../test-support/memory-volume.ts";
import { TestCluster, type TestMachine } from "../test-support/test-cluster.ts";

describe("a node that fails", () => {
  it("because of its disk says so, leaves what it took unknown, and starts again from what is there", async () => {
    const cluster = await TestCluster.form(3);
    await cluster.write("before");
    const leader = await cluster.leader();
    await cluster.followers();
    const { running } = leader;
    leader.volume.fault = ({ folder, kind }) => {
      if (folder === "wal" && kind === "sync") throw diskError("EIO");
    };
    // Nobody else has it either.
    cluster.network.loses = ({ message }) => message.type === "MsgApp";
    const waiting = running.propose(wordEntry("on its way"));
    const refused = waiting.catch((error: unknown) => error);
    const failure = await cluster.time.settle(running.stopped);
    expect(failure).toMatchObject({ code: "stopped" });
    expect(failure?.message).toMatch(/had to stop: .*Look at the cause, then start it again/s);
    expect(await refused).toMatchObject({ code: "outcome-unknown" });
    expect(running.status().role).toBe("stopped");
    await expect(running.propose(wordEntry("late"))).rejects.toMatchObject({ code: "stopped" });
    await cluster.time.settle(running.stop());
    leader.crash();
    cluster.network.loses = undefined;
    await cluster.write("the others go on");
    await leader.start();
    const words = await cluster.agreement();
    expect(words.filter((word) => word !== "on its way")).toEqual(["before", "the others go on"]);
  });

  it("gives its directory free, also when its network does not end", async () => {
    const cluster = await TestCluster.form(1);
    await cluster.write("one");
    const [machine] = cluster.machines as readonly [TestMachine];
    machine.failStop = true;
    await machine.start().catch((error: unknown) => expect(error).toMatchObject({ code: "locked" }));
    machine.crash("process");
    await machine.start();
    const { running } = machine;
    await machine.stop();
    expect(await running.stopped).toMatchObject({
      code: "stopped",
      message: expect.stringContaining("not cleanly"),
    });
    machine.failStop = false;
    await machine.start();
    await cluster.write("two");
    expect(machine.machine.words).toEqual(["one", "two"]);
  });

  it("in a listener of its changes is the listener's failure: the node says so and ends in order", async () => {
    const cluster = await TestCluster.form(1);
    await cluster.write("one");
    const [machine] = cluster.machines as readonly [TestMachine];
    const { running } = machine;
    running.onChange(() => {
      throw new Error("a listener's mistake");
    });
    const stopping = running.stop();
    await cluster.time.settle(stopping);
    expect((await running.stopped)?.message).toContain("a listener's mistake");
    machine.process.kill();
    await machine.start();
    await cluster.write("two");
    expect(machine.machine.words).toEqual(["one", "two"]);
  });
});
