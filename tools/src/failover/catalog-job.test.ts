import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "@trellis/testkit";

import { type Operator, operatorOf } from "../cluster/operator.ts";
import { RunningCluster } from "../cluster/running-cluster.ts";
import { CatalogUser } from "./catalog-user.ts";

/** What a change may take until the endpoints show it, with an election and the start of a command line in between, on a busy machine. */
const FOLLOW_MS = 30_000;
const HEALTHY_MS = 60_000;
/** So often at most is the first node asked to hand its leadership over. */
const HAND_OVERS = 10;
const TEST_MS = 300_000;

let directory: string;
let cluster: RunningCluster;
let operator: Operator;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "trellis-catalog-job-"));
  cluster = await RunningCluster.start({ directory });
  operator = operatorOf(cluster);
}, TEST_MS);
afterEach(async () => {
  operator.close();
  await cluster.stop();
  rmSync(directory, { recursive: true });
}, TEST_MS);

/** Who leads, and is not the first node, to which the second gateway goes for what it reads. A leadership that is just changing hands is waited for. */
async function leaderBesideFirst(): Promise<string> {
  for (let round = 0; round < HAND_OVERS; round++) {
    const { members, leaderId } = await operator.healthy(3, HEALTHY_MS);
    const leader = members.find(({ id }) => id === leaderId)?.name;
    if (leader !== undefined && leader !== "node-1") return leader;
    const to = members.find(({ name }) => name === "node-2")?.id ?? 0n;
    // Who led may have lost it since: the next round looks again.
    await operator
      .ask((client, options) => client.transferLeadership({ to }, options))
      .catch(() => undefined);
  }
  throw new Error(`after ${HAND_OVERS} hand-overs the first node still leads, or nobody`);
}

/** Kills whoever leads, once another than the first node does; what is done next meets a cluster without a leader. */
async function killLeader(): Promise<void> {
  cluster.kill(await leaderBesideFirst());
}

describe("the catalog, entered by a gateway on a follower", () => {
  it(
    "is applied, has its endpoints, which follow health and go with their service, while the leader is killed each time",
    async () => {
      const user = new CatalogUser(cluster.gateways[1] ?? "");
      await killLeader();
      expect(await user.apply()).toBe("52 resources: 52 created");
      await user.trellis("wait service/api --for=condition=EndpointsManaged");
      expect([...(await user.endpoints("api")).keys()].sort()).toEqual([
        "api-1",
        "api-2",
        "api-3",
        "api-4",
        "api-5",
      ]);
      expect(await user.apply()).toBe("52 resources: 52 unchanged");

      const check = await user.trellis("get healthstatus api-1-http -o yaml");
      expect(check).toContain("HEALTH_PASSING");
      await killLeader();
      await user.trellis("apply -f -", check.replace("HEALTH_PASSING", "HEALTH_CRITICAL"));
      await eventually(
        async () => expect((await user.endpoints("api")).get("api-1")).toBe("HEALTH_CRITICAL"),
        FOLLOW_MS,
      );

      await killLeader();
      await user.trellis("delete service/api");
      await eventually(
        async () =>
          expect(await user.trellis("get serviceendpoints -o name")).not.toContain("serviceendpoints/api\n"),
        FOLLOW_MS,
      );
    },
    TEST_MS,
  );
});
