import { describe, expect, it } from "@jest/globals";
import { fromBinary } from "@bufbuild/protobuf";
import { HardStateSchema } from "@trellis/protos/trellis/raft/v1/log_pb.js";

import { openWal } from "@trellis/wal";

import { seededRandom } from "../test-support/seeded-random.ts";
import { SMALL, TestCluster, type TestMachine } from "../test-support/test-cluster.ts";

/** What a machine would start with after a power failure now. */
async function durableTerm(machine: TestMachine): Promise<{ term: number; vote: number }> {
  const copy = machine.volume.afterPowerLoss();
  const wal = await openWal(
    {
      disk: copy.disk("wal"),
      clock: { monotonic: () => 0, after: () => () => undefined },
      random: seededRandom(1),
    },
    { limits: SMALL.wal ?? {} },
  );
  const { term, vote } = fromBinary(HardStateSchema, wal.hardState ?? new Uint8Array());
  return { term: Number(term), vote: Number(vote) };
}

describe("votes", () => {
  it("are asked for only once term and own vote are durable", async () => {
    const cluster = await TestCluster.form(3);
    const asked: Promise<void>[] = [];
    const lies: string[] = [];
    cluster.network.loses = ({ from, message }) => {
      if (message.type !== "MsgVote") return false;
      const machine = cluster.machines.find(({ id }) => id === from) as TestMachine;
      const check = durableTerm(machine).then(({ term, vote }) => {
        if (term !== message.term || vote !== from)
          lies.push(`${from} asks in term ${message.term}, stored ${term}`);
      });
      asked.push(check);
      return false;
    };
    for (let round = 0; round < 3; round++) {
      (await cluster.leader()).crash();
      await cluster.leader();
      for (const machine of cluster.machines) if (machine.node === undefined) await machine.start();
    }
    await Promise.all(asked);
    expect(asked.length).toBeGreaterThan(2);
    expect(lies).toEqual([]);
  });

  it("are given only once they are durable", async () => {
    const cluster = await TestCluster.form(3);
    const given: Promise<void>[] = [];
    const lies: string[] = [];
    cluster.network.loses = ({ from, to, message }) => {
      if (message.type !== "MsgVoteResp" || message.reject) return false;
      const machine = cluster.machines.find(({ id }) => id === from) as TestMachine;
      const check = durableTerm(machine).then(({ term, vote }) => {
        if (term !== message.term || vote !== to)
          lies.push(`${from} votes for ${to} in ${message.term}, stored ${term}`);
      });
      given.push(check);
      return false;
    };
    for (let round = 0; round < 3; round++) {
      (await cluster.leader()).crash();
      await cluster.leader();
      for (const machine of cluster.machines) if (machine.node === undefined) await machine.start();
    }
    await Promise.all(given);
    expect(given.length).toBeGreaterThan(2);
    expect(lies).toEqual([]);
  });

  it("go out while the disk stalls no sooner than it answers", async () => {
    const cluster = await TestCluster.form(3);
    const leader = await cluster.leader();
    const [candidate] = await cluster.followers();
    for (const machine of cluster.machines)
      if (machine !== leader) machine.volume.stalledUntilMs = cluster.time.nowMs + 4_000;
    const before = cluster.network.sent.length;
    leader.crash();
    await cluster.time.pass(3_900);
    const votes = cluster.network.sent.slice(before).filter(({ message }) => message.type === "MsgVote");
    expect(votes).toEqual([]);
    expect(candidate?.running.status().role).not.toBe("leader");
    await cluster.leader();
  });
});
