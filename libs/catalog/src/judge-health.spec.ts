import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import { describe, expect, it } from "@jest/globals";

import { judgeNode, judgeWorkload, type NodeState } from "./judge-health.ts";

const { PASSING, WARNING, CRITICAL, MAINTENANCE } = Health;

describe("the health of a node", () => {
  it("is PASSING without checks", () => {
    expect(judgeNode([])).toEqual({ health: PASSING, message: "All checks of the node pass." });
  });

  it("is that of its worst check", () => {
    expect(judgeNode([PASSING, CRITICAL, WARNING])).toEqual({
      health: CRITICAL,
      message: "At least one check of the node does not pass.",
    });
  });
});

describe("the health of a workload", () => {
  const healths = [PASSING, WARNING, CRITICAL, MAINTENANCE];

  it("is the worse of its own and its node's, for every pair", () => {
    for (const own of healths) {
      for (const node of healths) {
        expect(judgeWorkload([own], { health: node }).health).toBe(Math.max(own, node));
      }
    }
  });

  it("is that of its own checks when it names no node", () => {
    expect(judgeWorkload([], "none")).toEqual({
      health: PASSING,
      message: "All checks of the workload pass.",
    });
    expect(judgeWorkload([WARNING, PASSING], "none").health).toBe(WARNING);
  });

  it("is CRITICAL when its node does not exist, unless its own is worse", () => {
    expect(judgeWorkload([], "missing").health).toBe(CRITICAL);
    expect(judgeWorkload([WARNING], "missing").health).toBe(CRITICAL);
    expect(judgeWorkload([MAINTENANCE], "missing").health).toBe(MAINTENANCE);
  });

  it("tells a failing workload, a failing node, a missing node and both apart", () => {
    const node = (health: Health): NodeState => ({ health });
    const messages = [
      judgeWorkload([], "none"),
      judgeWorkload([CRITICAL], "none"),
      judgeWorkload([], node(PASSING)),
      judgeWorkload([CRITICAL], node(PASSING)),
      judgeWorkload([], node(CRITICAL)),
      judgeWorkload([CRITICAL], node(CRITICAL)),
      judgeWorkload([], "missing"),
      judgeWorkload([CRITICAL], "missing"),
    ].map(({ message }) => message);
    expect(messages).toEqual([
      "All checks of the workload pass.",
      "At least one check of the workload does not pass.",
      "All checks of the workload pass, and its node is healthy.",
      "At least one check of the workload does not pass; its node is healthy.",
      "All checks of the workload pass, but its node is not healthy.",
      "At least one check of the workload does not pass, and its node is not healthy.",
      "All checks of the workload pass, but its node does not exist.",
      "At least one check of the workload does not pass, and its node does not exist.",
    ]);
  });
});
