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

/** Has another than the first node lead, to which the second gateway goes for what it reads. */
async function haveAnotherLead(): Promise<void> {
  const { members, leaderId } = await operator.healthy(3, HEALTHY_MS);
  if (members.find(({ id }) => id === leaderId)?.name !== "node-1") return;
  const to = members.find(({ name }) => name === "node-2")?.id ?? 0n;
  await operator.ask((client, options) => client.transferLeadership({ to }, options));
}

/** Kills whoever leads, once another than the first node does; what is done next meets a cluster without a leader. */
async function killLeader(): Promise<void> {
  await haveAnotherLead();
  const { name } = await operator.leader();
  expect(name).not.toBe("node-1");
  cluster.kill(name);
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
