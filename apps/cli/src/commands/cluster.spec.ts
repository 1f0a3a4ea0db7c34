import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  ClusterService,
  MemberStatus_Role as Role,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb";
import { createVirtualClock } from "@trellis/testing";

import { openStoredServer, stored } from "../test-support/stored-server.ts";
import { member, StubCluster } from "../test-support/stub-cluster.ts";
import { createTerminal, TEST_SERVER } from "../test-support/terminal.ts";

let cluster: StubCluster;
let root: string;
beforeEach(async () => {
  cluster = new StubCluster();
  root = await mkdtemp(join(tmpdir(), "trellis-cli-cluster-"));
});
afterEach(() => rm(root, { recursive: true }));

const trellis = (command: string) => createTerminal(cluster.transport)(command);

describe("trellis cluster status", () => {
  it("shows the members, who leads, and how each of them is", async () => {
    expect(await trellis("cluster status")).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: [
        `Cluster  ${"c".repeat(32)}`,
        "Health   ● healthy, 1 of 3 voters may fail",
        "Leader   n1, in term 7",
        "",
        "NAME   ID   ADDRESS          ROLE    STATE      TERM   APPLIED   LAG   DISK     LOOP",
        "n1     1    127.0.0.1:7511   voter   leader     7      5000      0     0 ms     1 ms",
        "n2     2    127.0.0.1:7512   voter   follower   7      5000      0     1.3 ms   12 ms",
        "n3     3    127.0.0.1:7513   voter   follower   7      5000      0     0 ms     1 ms",
        "",
      ].join("\n"),
    });
  });

  it("fails for a cluster that is not healthy, and says what is wrong", async () => {
    cluster.leaderId = 0n;
    cluster.problems = ["nobody leads", "n3 does not answer"];
    cluster.members = [
      member(1n, { state: State.CANDIDATE, hasSpace: false }),
      member(3n, { state: State.UNREACHABLE }),
    ];
    const { exitCode, stdout } = await trellis("cluster status");
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      "Health   ○ not healthy\n         nobody leads\n         n3 does not answer\nLeader   nobody\n",
    );
    expect(stdout).toContain("voter   candidate     7      5000      0     full   1 ms\n");
    expect(stdout).toContain("voter   unreachable   -      -         -     -      -\n");
  });

  it("prints the same as JSON, ids as numbers where they are exact", async () => {
    cluster.members = [
      member(1n, { state: State.LEADER }),
      member(2n ** 60n, {
        name: "n2",
        address: "n2:1",
        role: Role.LEARNER,
        state: State.UNREACHABLE,
        lag: 12n,
        pid: 0,
      }),
    ];
    const json = async () => JSON.parse((await trellis("cluster status -o json")).stdout) as object;
    const found = await json();
    expect(found).toEqual({
      clusterId: "c".repeat(32),
      leader: 1,
      term: 7,
      healthy: true,
      members: [
        {
          id: 1,
          name: "n1",
          address: "127.0.0.1:7511",
          role: "voter",
          state: "leader",
          term: 7,
          appliedIndex: 5000,
          lag: 0,
          pid: 1001,
        },
        {
          id: "1152921504606846976",
          name: "n2",
          address: "n2:1",
          role: "learner",
          state: "unreachable",
          term: null,
          appliedIndex: 5000,
          lag: 12,
          pid: null,
        },
      ],
    });
    cluster.leaderId = 0n;
    expect(await json()).toMatchObject({ leader: null });
  });

  it("shows a standalone server as a cluster of one, and refuses one without", async () => {
    const server = await openStoredServer(join(root, "data"));
    try {
      const { stdout, exitCode } = await createTerminal(server.transport)("cluster status");
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/Health {3}● healthy, a single voter\nLeader {3}standalone, in term \d+\n/);
      expect((await createTerminal(server.transport)("cluster check")).stdout).toMatch(
        /^● there is one replica, at version \d+\n/,
      );
    } finally {
      await server.store.close();
    }
    const without = createRouterTransport(() => undefined);
    expect(await createTerminal(without)("cluster status")).toMatchObject({
      exitCode: 1,
      stderr: `error: ${TEST_SERVER} keeps its resources in memory or elsewhere, and has no cluster\nName a storage node, a forwarder or a gateway of a cluster with --server.\n`,
    });
  });
});

describe("trellis cluster add", () => {
  it("adds a learner, waits until it has caught up, and says how it votes", async () => {
    const clock = createVirtualClock();
    cluster.lags = [5_000n, 3_000n, 999n];
    const adding = createTerminal(cluster.transport, { clock })("cluster add n4=127.0.0.1:7514");
    await clock.advance(999);
    await clock.advance(1);
    expect(await adding).toEqual({
      exitCode: 0,
      stderr: "",
      stdout:
        "Added n4 (4) as a learner, which does not vote.\nn4 has caught up.\nLet it vote with\n\n  trellis cluster promote n4\n",
    });
    expect(cluster.asked).toEqual(["add n4 127.0.0.1:7514"]);
  });

  it("promotes it where that was said", async () => {
    const { stdout } = await trellis("cluster add n4=127.0.0.1:7514 --promote");
    expect(stdout.endsWith("n4 votes now.\n")).toBe(true);
    expect(cluster.asked).toEqual(["add n4 127.0.0.1:7514", "promote 4"]);
  });

  it("does not wait for ever, nor at all where that was said", async () => {
    const clock = createVirtualClock();
    cluster.lags = Array.from({ length: 10 }, () => 4_000n);
    const adding = createTerminal(cluster.transport, { clock })("cluster add n4=h:1 --timeout 1s");
    await clock.advance(2_000);
    expect(await adding).toMatchObject({
      exitCode: 1,
      stderr:
        "error: n4 has not caught up within 1 s: it lags by 4000 entries\nIt is a learner, and goes on by itself. Look with `trellis cluster status`.\n",
    });
    cluster = new StubCluster();
    expect((await trellis("cluster add n4=h:1 --no-wait")).stdout).toBe(
      "Added n4 (4) as a learner, which does not vote.\n",
    );
  });

  it("says of a node that was there before what it is, and succeeds again", async () => {
    const again = async () => await trellis("cluster add n4=127.0.0.1:7514 --promote");
    await trellis("cluster add n4=127.0.0.1:7514 --no-wait");
    expect((await again()).stdout).toBe(
      "n4 (4) is a member already, as a learner, which does not vote.\nn4 has caught up.\nn4 votes now.\n",
    );
    cluster.members = cluster.members.map((one) => ({ ...one, role: Role.VOTER }));
    expect(await again()).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: "n4 (4) is a member already, and votes.\n",
    });
  });

  it("asks for nothing at the address of another member, which would be called so from then on", async () => {
    expect(await trellis("cluster add n4=127.0.0.1:7512")).toMatchObject({
      exitCode: 1,
      stderr:
        "error: 127.0.0.1:7512 is the address of n2, which is a member already\nName the address of n4, or take it as it is called: n2=127.0.0.1:7512\n",
    });
    expect(cluster.asked).toEqual([]);
  });

  it("refuses what is no name and address", async () => {
    expect(await trellis("cluster add n4")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('"n4" is no NAME=HOST:PORT') as unknown,
    });
  });
});

describe("trellis cluster remove, promote, transfer-leadership", () => {
  it("take a member by its name or its id, and say what was done", async () => {
    expect((await trellis("cluster remove n2")).stdout).toMatch(/^Removed n2 \(2\)\. Stop its node/);
    await trellis("cluster remove 3");
    await trellis("cluster transfer-leadership n3");
    expect((await trellis("cluster transfer-leadership")).stdout).toBe("The leader has handed over.\n");
    expect(cluster.asked).toEqual(["remove 2", "remove 3", "transfer 3", "transfer 0"]);
  });

  it("list the members when there is none of that name, and pass on what the cluster refuses", async () => {
    expect(await trellis("cluster remove n9")).toMatchObject({
      exitCode: 1,
      stderr: 'error: the cluster has no member "n9"\nName one of n1 (1), n2 (2), n3 (3).\n',
    });
    expect(await trellis("cluster promote n2")).toMatchObject({
      exitCode: 1,
      stderr: "error: member 2 votes already\n",
    });
  });
});

describe("trellis cluster check", () => {
  const answering = (hashes: readonly string[], problem = "") =>
    createRouterTransport((router) => {
      router.service(ClusterService, {
        checkReplicas: () => ({
          equal: new Set(hashes).size === 1 && problem === "",
          version: 42n,
          replicas: hashes.map((hash, at) => ({
            id: BigInt(at + 1),
            name: `n${at + 1}`,
            hash,
            problem: hash === "" ? problem : "",
          })),
        }),
      });
    });
  const [a, b] = ["a".repeat(64), "b".repeat(64)];

  it("says that all are equal, which one differs, or which were not compared", async () => {
    expect(await createTerminal(answering([a, a, a]))("cluster check")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^● all 3 replicas are equal, at version 42\n/) as unknown,
    });
    const differing = await createTerminal(answering([b, a, a]))("cluster check");
    expect(differing.exitCode).toBe(1);
    expect(differing.stdout).toMatch(/^○ replicas differ, at version 42\n/);
    expect(differing.stdout).toMatch(/n1 +1 +bbbbbbbbbbbbbbbb +differs/);
    expect(differing.stdout).toContain(
      "then replace n1: remove it, and add it again with an empty directory.\n",
    );
    const missing = await createTerminal(answering([a, a, ""], "it cannot be asked"))("cluster check");
    expect(missing.exitCode).toBe(1);
    expect(missing.stdout).toMatch(/^○ not all replicas were compared/);
    expect(missing.stdout).toMatch(/n3 +3 +- +- +it cannot be asked\n/);
  });
});

describe("trellis cluster recover", () => {
  beforeEach(async () => {
    const server = await openStoredServer(join(root, "data"));
    await server.store.backend.commit([stored("Thing", "a")]);
    await server.store.close();
  });

  const recover = (more: string, stdin = "") =>
    createTerminal(cluster.transport, { cwd: root })(`cluster recover --data-dir ${more}`, { stdin });

  async function storeOf(): Promise<{ readonly storeId: string; readonly things: number }> {
    const { store } = await openStoredServer(join(root, "data"));
    const query = { group: "test", kind: "Thing", partition: "*", namespace: "*" };
    const things = (await store.backend.list(query)).records.length;
    const { storeId } = store.backend.position();
    await store.close();
    return { storeId, things };
  }

  it("says what may be lost, asks, and makes the directory a new cluster of one", async () => {
    const before = await storeOf();
    const { exitCode, stdout, stderr } = await recover("data", "recover\n");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'Type "recover" to go on: ' });
    expect(stdout).toContain("one of 1 voter of cluster");
    expect(stdout).toContain("What others had acknowledged and this one had not heard of is lost.");
    const [, storeId] = /Store +(\w{26}), new, from version \d+ on/.exec(stdout) ?? [];
    expect(await storeOf()).toEqual({ storeId, things: 1 });
    expect(storeId).not.toBe(before.storeId);
  });

  it("changes nothing without a word, and asks nothing with --yes", async () => {
    const before = await storeOf();
    for (const stdin of ["", "yes\n", "recover it\n"]) {
      expect(await recover("data", stdin)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining(
          'error: nothing was changed\nType "recover", or say --yes',
        ) as unknown,
      });
    }
    expect(await storeOf()).toEqual(before);
    expect(await recover("data --yes")).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await storeOf()).storeId).not.toBe(before.storeId);
  });

  it("refuses a directory in use, and what is no data directory", async () => {
    const server = await openStoredServer(join(root, "data"));
    expect(await recover("data --yes")).toMatchObject({
      exitCode: 1,
      stderr: "error: data is in use by a node\nStop that node first.\n",
    });
    await server.store.close();
    expect(await recover("nowhere --yes")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("nowhere is no data directory of a storage node") as unknown,
    });
  });
});
