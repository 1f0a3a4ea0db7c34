import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { PeerService } from "@trellis/protos/trellis/raft/v1/peer_pb.js";

import { createFormation, formCluster, joinCluster } from "../begin-cluster.ts";
import { ensureIdentity, type Identity, readIdentity } from "../identity.ts";
import type { DataDirectory } from "../ports.ts";
import { noChunks } from "../test-support/list-machine.ts";
import { MemoryVolume } from "../test-support/memory-volume.ts";
import { seededRandom } from "../test-support/seeded-random.ts";
import { VirtualProcess, VirtualTime } from "../test-support/virtual-time.ts";
import { formationRoutes } from "./formation-routes.ts";
import { awaitInitialCluster } from "./initial-cluster.ts";
import type { PeerConnection } from "./peer-link.ts";

/** Machines that can call each other, as long as they are up. */
class Machines {
  readonly time = new VirtualTime();
  readonly random = seededRandom(7);
  readonly members: readonly { readonly name: string; readonly address: string }[];
  readonly data: DataDirectory[];
  readonly up = new Set<number>();
  /** Called before a machine answers. */
  beforeAnswer: ((at: number, method: "identify" | "form") => Promise<void> | void) | undefined;
  readonly waits: string[] = [];

  constructor(count = 3) {
    this.members = Array.from({ length: count }, (_, at) => ({ name: `n${at}`, address: `n${at}:1` }));
    this.data = this.members.map(() => new MemoryVolume().data());
    for (let at = 0; at < count; at++) this.up.add(at);
  }

  connect(address: string): PeerConnection {
    const at = this.members.findIndex((member) => member.address === address);
    const answers = async (method: "identify" | "form"): Promise<void> => {
      if (!this.up.has(at)) throw new ConnectError("down", Code.Unavailable);
      await this.beforeAnswer?.(at, method);
    };
    const routes = () =>
      formationRoutes({ data: this.data[at] as DataDirectory, random: this.random, chunks: noChunks });
    const transport = createRouterTransport((router) => {
      router.service(PeerService, {
        identify: async (request, context) => {
          await answers("identify");
          return await routes().identify(request, context);
        },
        form: async (request, context) => {
          await answers("form");
          return await routes().form(request, context);
        },
      });
    });
    return { transport, close: () => undefined };
  }

  begin(at: number, signal?: AbortSignal): Promise<void> {
    return awaitInitialCluster(
      {
        data: this.data[at] as DataDirectory,
        clock: new VirtualProcess(this.time),
        random: this.random,
        connect: (address) => this.connect(address),
        chunks: noChunks,
        onWait: (what) => this.waits.push(`n${at} ${what}`),
      },
      { members: this.members, address: this.members[at]?.address ?? "", featureLevel: 1 },
      signal,
    );
  }

  async identities(): Promise<readonly (Identity | undefined)[]> {
    return await Promise.all(this.data.map(({ identity }) => readIdentity(identity)));
  }

  wipe(at: number): void {
    this.data[at] = new MemoryVolume().data();
  }
}

async function oneCluster(machines: Machines): Promise<void> {
  const found = await machines.identities();
  expect(found.every((identity) => identity?.clusterId !== undefined)).toBe(true);
  expect(new Set(found.map((identity) => identity?.clusterId)).size).toBe(1);
  const ids = new Set(found.map((identity) => identity?.nodeId));
  for (const identity of found)
    expect(new Set(identity?.formation?.members.map(({ id }) => id))).toEqual(ids);
}

describe("the first members of a cluster", () => {
  it("form one cluster when they all start at once", async () => {
    const machines = new Machines();
    await machines.time.settle(Promise.all([0, 1, 2].map((at) => machines.begin(at))));
    await oneCluster(machines);
  });

  it("wait for each other, and say for whom", async () => {
    const machines = new Machines();
    machines.up.delete(2);
    const first = Promise.all([0, 1].map((at) => machines.begin(at)));
    await machines.time.pass(2_000);
    expect(await machines.identities()).toMatchObject([
      { clusterId: undefined },
      { clusterId: undefined },
      {},
    ]);
    expect(machines.waits).toContain("n0 waits for n2 at n2:1");
    expect(machines.waits.filter((wait) => wait.startsWith("n0"))).toHaveLength(1);
    machines.up.add(2);
    await machines.time.settle(Promise.all([first, machines.begin(2)]));
    await oneCluster(machines);
  });

  it("ask when they are not told", async () => {
    const machines = new Machines();
    machines.beforeAnswer = (_, method) => {
      if (method === "form") throw new ConnectError("lost", Code.Unavailable);
    };
    await machines.time.settle(Promise.all([0, 1, 2].map((at) => machines.begin(at))));
    await oneCluster(machines);
  });

  it("go on when the one that drew it up went down before it told anybody", async () => {
    const machines = new Machines();
    const ids = await Promise.all(machines.data.map((data) => ensureIdentity(data, machines.random)));
    const lowest = ids.indexOf([...ids].sort((a, b) => a.nodeId - b.nodeId)[0] as Identity);
    machines.beforeAnswer = (_, method) => {
      if (method === "form") machines.up.delete(lowest);
      if (method === "form") throw new ConnectError("lost", Code.Unavailable);
    };
    const others = [0, 1, 2].filter((at) => at !== lowest);
    await machines.time.settle(machines.begin(lowest));
    const waiting = Promise.all(others.map((at) => machines.begin(at)));
    await machines.time.pass(3_000);
    expect(
      (await machines.identities()).filter((identity) => identity?.clusterId !== undefined),
    ).toHaveLength(1);
    // It comes back, finds that it is a member, and answers those who ask.
    machines.up.add(lowest);
    machines.beforeAnswer = undefined;
    await machines.time.settle(machines.begin(lowest));
    await machines.time.settle(waiting);
    await oneCluster(machines);
  });

  it("that is told of a cluster while it draws one up belongs to that, and tells nobody of its own", async () => {
    const machines = new Machines();
    const ids = await Promise.all(machines.data.map((data) => ensureIdentity(data, machines.random)));
    const lowest = ids.indexOf([...ids].sort((a, b) => a.nodeId - b.nodeId)[0] as Identity);
    const listed = machines.members.map((member, at) => ({ ...member, id: ids[at]?.nodeId ?? 0 }));
    const other = createFormation(listed, 1, machines.random);
    let told = 0;
    machines.beforeAnswer = async (_, method) => {
      if (method === "form") told++;
      await formCluster(machines.data[lowest] as DataDirectory, other, noChunks, machines.random);
    };
    await machines.time.settle(machines.begin(lowest));
    expect((await machines.identities())[lowest]?.clusterId).toBe(other.clusterId);
    expect(told).toBe(0);
  });

  it("of which one was wiped are told: it is refused, with what to do, and the others stay what they are", async () => {
    const machines = new Machines();
    await machines.time.settle(Promise.all([0, 1, 2].map((at) => machines.begin(at))));
    const before = await machines.identities();
    machines.wipe(1);
    const again = machines.time.settle(machines.begin(1));
    await expect(again).rejects.toMatchObject({ code: "wrong-cluster" });
    await expect(again).rejects.toThrow("Remove the member whose place it takes");
    const after = await machines.identities();
    expect([after[0], after[2]]).toEqual([before[0], before[2]]);
    expect(after[1]?.clusterId).toBeUndefined();
  });

  it("do not take in one that was wiped between its answer and the formation", async () => {
    const machines = new Machines();
    const ids = await Promise.all(machines.data.map((data) => ensureIdentity(data, machines.random)));
    const lowest = ids.indexOf([...ids].sort((a, b) => a.nodeId - b.nodeId)[0] as Identity);
    const wiped = (lowest + 1) % 3;
    machines.beforeAnswer = (at, method) => {
      if (at === wiped && method === "form") machines.wipe(wiped);
    };
    await machines.time.settle(machines.begin(lowest));
    expect((await machines.identities())[wiped]?.clusterId).toBeUndefined();
    machines.beforeAnswer = undefined;
    await expect(machines.time.settle(machines.begin(wiped))).rejects.toMatchObject({
      code: "wrong-cluster",
    });
    await machines.time.settle(machines.begin((lowest + 2) % 3));
  });

  it("are refused where a member of another cluster answers at an address of the list", async () => {
    const machines = new Machines();
    await joinCluster(machines.data[2] as DataDirectory, "elsewhere", machines.random);
    await expect(machines.time.settle(machines.begin(0))).rejects.toMatchObject({ code: "wrong-cluster" });
  });

  it("are refused with a list that cannot be right", async () => {
    const machines = new Machines();
    const deps = {
      data: new MemoryVolume().data(),
      clock: new VirtualProcess(machines.time),
      random: machines.random,
    };
    const begin = (members: { name: string; address: string }[], address = "a:1") =>
      awaitInitialCluster(
        { ...deps, connect: (to) => machines.connect(to), chunks: noChunks },
        { members, address, featureLevel: 1 },
      );
    const [a, b] = [
      { name: "a", address: "a:1" },
      { name: "b", address: "b:1" },
    ];
    await expect(begin([a, { ...b, name: "a" }])).rejects.toThrow("the name a is there twice");
    await expect(begin([a, { ...b, address: "a:1" }])).rejects.toThrow("the address a:1 is there twice");
    await expect(begin([b])).rejects.toThrow("a:1 is not there");
    machines.data[1] = machines.data[2] as DataDirectory;
    await expect(machines.time.settle(machines.begin(0))).rejects.toThrow("are the same node");
  });

  it("end their wait with the signal", async () => {
    const machines = new Machines();
    machines.up.delete(1);
    const controller = new AbortController();
    const waiting = machines.begin(0, controller.signal);
    waiting.catch(() => undefined);
    await machines.time.pass(600);
    controller.abort();
    await expect(machines.time.settle(waiting)).rejects.toMatchObject({ code: "aborted" });
  });

  it("is one alone: it forms its cluster at once", async () => {
    const machines = new Machines(1);
    await machines.begin(0);
    await oneCluster(machines);
  });
});
