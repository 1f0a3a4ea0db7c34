import { describe, expect, it } from "@jest/globals";
import type { ServerStatus } from "@trellis/storage/wire";

import { findLeader } from "./find-leader.ts";

/** What a server says of itself. */
function server(name: string, status: Partial<ServerStatus> | undefined) {
  const common = {
    role: "node",
    clusterId: "c",
    nodeId: 1,
    name,
    position: undefined,
    term: 1,
    leaderId: undefined,
    takesCommits: false,
    leaderlessMs: 0,
    isStopping: false,
    members: [],
  } as const;
  return { name, status: status === undefined ? undefined : { ...common, ...status } };
}

const follower = server("follower", { nodeId: 1, leaderId: 2 });
const leader = server("leader", { nodeId: 2, leaderId: 2, takesCommits: true });
const forwarder = server("forwarder", { role: "forwarder", nodeId: 0, takesCommits: true });

describe("who takes commits", () => {
  it.each([
    ["the node that leads", [follower, leader], "leader"],
    ["the node that leads, and no forwarder that is wanted less", [follower, leader, forwarder], "leader"],
    ["the forwarder that is wanted most", [forwarder, follower, leader], "forwarder"],
    [
      "the node that leads, while the forwarder that is wanted most is away",
      [server("away", undefined), follower, leader],
      "leader",
    ],
    [
      "the node that leads, while the forwarder that is wanted most knows of none",
      [server("ignorant", { role: "forwarder" }), follower, leader],
      "leader",
    ],
    [
      "the node that leads, when the forwarder that is wanted most is about to stop",
      [server("stopping", { role: "forwarder", takesCommits: true, isStopping: true }), follower, leader],
      "leader",
    ],
    [
      "the second forwarder, when the first is about to stop",
      [server("stopping", { role: "forwarder", takesCommits: true, isStopping: true }), forwarder],
      "forwarder",
    ],
    [
      "a forwarder that is about to stop, when nobody else does",
      [server("stopping", { role: "forwarder", takesCommits: true, isStopping: true }), follower],
      "stopping",
    ],
    ["a forwarder that is wanted less, while no node leads", [follower, forwarder], "forwarder"],
    [
      "nobody, when another has been heard to lead since",
      [leader, server("newer", { nodeId: 3, leaderId: 1, term: 2 })],
      undefined,
    ],
    ["nobody, among none", [], undefined],
  ] as const)("is %s", (_, servers, expected) => {
    expect(findLeader(servers)?.name).toBe(expected);
  });
});
