import { describe, expect, it } from "@jest/globals";
import { asV2, confChange, emptyConfState } from "@trellis/raft";

import { emptyHeader } from "./load-node.ts";
import type { Member } from "./member.ts";
import {
  describeMembers,
  MembershipTable,
  raiseFeatureLevelEntry,
  updateMemberEntry,
} from "./membership-table.ts";

const [one, two, three] = [1, 2, 3].map((id) => ({ id, name: `n${id}`, address: `n${id}:1` })) as [
  Member,
  Member,
  Member,
];

function table(): MembershipTable {
  return new MembershipTable({
    ...emptyHeader("c"),
    confState: { ...emptyConfState, voters: [1, 2] },
    members: [one, two],
    featureLevel: 1,
  });
}

const command = (entry: Uint8Array): Uint8Array => entry.subarray(1);

describe("the table of members", () => {
  it("takes over whom a change describes, and forgets who is in no configuration any more", () => {
    const members = table();
    const change = asV2(
      confChange([{ type: "add-learner", nodeId: 3 }], { context: describeMembers([three]) }),
    );
    members.reconfigured(change, { ...emptyConfState, voters: [1], learners: [3] });
    expect(members.members).toEqual([one, three]);
    const joint = { ...emptyConfState, voters: [3], votersOutgoing: [1], learnersNext: [1] };
    members.reconfigured(asV2(confChange([])), joint);
    expect(members.members).toEqual([one, three]);
  });

  it("gives a member another address; one that is none it leaves", () => {
    const members = table();
    members.apply(command(updateMemberEntry({ ...two, address: "else:1" })));
    members.apply(command(updateMemberEntry(three)));
    expect(members.members).toEqual([one, { ...two, address: "else:1" }]);
  });

  it("raises the feature level, and never lowers it", () => {
    const members = table();
    members.apply(command(raiseFeatureLevelEntry(3)));
    members.apply(command(raiseFeatureLevelEntry(2)));
    expect(members.featureLevel).toBe(3);
    expect(members.headerAt(9, 4)).toMatchObject({ clusterId: "c", index: 9, term: 4, featureLevel: 3 });
  });

  it("throws for a command that this version does not know", () => {
    expect(() => table().apply(new Uint8Array())).toThrow("does not know");
    expect(() => table().apply(Uint8Array.of(0x9a, 0x06, 0))).toThrow("does not know");
  });
});
