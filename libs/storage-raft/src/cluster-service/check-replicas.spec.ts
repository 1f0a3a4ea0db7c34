import { Code } from "@connectrpc/connect";
import { beforeEach, describe, expect, it } from "@jest/globals";

import { encodeCommand } from "../command-codec.ts";
import { put } from "../test-support/contents.ts";
import { OperatedCluster } from "../test-support/operated-cluster.ts";

let cluster: OperatedCluster;
beforeEach(async () => {
  cluster = await OperatedCluster.form();
});

const check = (id: number) => cluster.settle(cluster.client(id).checkReplicas({}));

describe("a comparison of replicas", () => {
  it("finds equal ones equal, whoever is asked, and changes nothing", async () => {
    await cluster.cluster.leading.backend.commit([put("a", "x")]);
    const before = await cluster.cluster.leading.machine.hashState();
    for (const asked of [1, 2]) {
      const { equal, version, replicas } = await check(asked);
      expect({ equal, version }).toEqual({ equal: true, version: BigInt(cluster.cluster.lastIndex) });
      expect(replicas.map(({ name, hash }) => [name, hash])).toEqual(
        ["n1", "n2", "n3"].map((name) => [name, before.hash]),
      );
    }
  });

  it("compares at one version, while writes go on and replicas lag", async () => {
    const leader = cluster.cluster.leading;
    let isOver = false;
    const writing = (async () => {
      for (let at = 0; at < 2_000 && !isOver; at++) {
        await leader.propose(
          encodeCommand({ kind: "commit", request: undefined, operations: [put("a", String(at))] }),
        );
      }
    })();
    for (let round = 0; round < 5; round++) expect(await check(3)).toMatchObject({ equal: true });
    isOver = true;
    await writing;
  });

  it("tells which one differs", async () => {
    const { machine } = cluster.cluster.replica(3);
    machine.apply(
      encodeCommand({ kind: "commit", request: undefined, operations: [put("only-here", "x")] }).subarray(1),
      // In the place of an entry that is empty for the others.
      cluster.cluster.append(undefined),
    );
    const { equal, replicas } = await check(1);
    const [first, second, third] = replicas;
    expect(equal).toBe(false);
    expect(second?.hash).toBe(first?.hash);
    expect(third?.hash).not.toBe(first?.hash);
  });

  it("does not call replicas equal of which one cannot be asked, or does not get there", async () => {
    cluster.silent.add(2);
    cluster.cluster.replica(3).isCutOff = true;
    const { equal, replicas } = await check(1);
    expect(equal).toBe(false);
    expect(replicas).toMatchObject([
      { name: "n1", problem: "" },
      { name: "n2", hash: "", problem: expect.stringContaining("cannot be asked: no answer within 2000 ms") },
      { name: "n3", hash: "", problem: expect.stringContaining("did not get there") },
    ]);
  });

  it("looks out for few marks at a time, and gives up those that nobody waits for", async () => {
    const { machine } = cluster.cluster.leading;
    const marks = ["a", "b", "c", "d"].map((mark) => machine.expectMark(mark));
    const refused = cluster.client(1).hashState({ mark: "e" })[Symbol.asyncIterator]().next();
    await expect(refused).rejects.toMatchObject({ code: Code.ResourceExhausted });
    for (const mark of marks) mark.cancel();
    expect(await check(1)).toMatchObject({ equal: true });
  });
});
