import { describe, expect, it } from "@jest/globals";
import { createRaftCore, MemoryStorage, message, type Message } from "@trellis/raft";

import { Inbox } from "./inbox.ts";
import { MAX_HEARD, MAX_INBOX_MESSAGES } from "./options.ts";

const core = createRaftCore({
  id: 1,
  storage: new MemoryStorage(),
  applied: 0,
  electionTicks: 10,
  heartbeatTicks: 1,
  random: () => 0,
});

const heard = (atMs: number) => ({ announcement: { featureLevel: 1, hasSpace: true, applied: 0 }, atMs });
const some = (count: number): Message[] =>
  Array.from({ length: count }, () => message({ type: "MsgHeartbeat" }));

describe("the inbox", () => {
  it("is bounded: what comes beyond is dropped, as by a network", () => {
    const inbox = new Inbox();
    inbox.receive(2, some(MAX_INBOX_MESSAGES - 1), heard(0));
    inbox.receive(3, some(5), heard(0));
    // What was waited for has its place anyway, and makes none for others.
    inbox.add(message({ type: "MsgSnap" }));
    inbox.add(message({ type: "MsgSnap" }));
    inbox.receive(3, some(5), heard(0));
    const taken = inbox.take(core);
    expect(taken).toHaveLength(MAX_INBOX_MESSAGES + 2);
    expect(inbox.take(core)).toEqual([]);
  });

  it("takes no snapshot without its file", () => {
    const inbox = new Inbox();
    inbox.receive(2, [message({ type: "MsgSnap" }), ...some(1)], heard(0));
    expect(inbox.take(core).map(({ type }) => type)).toEqual(["MsgHeartbeat"]);
  });

  it("remembers what members last said, of so many at most, and forgets who is none", () => {
    const inbox = new Inbox();
    for (let id = 1; id <= MAX_HEARD + 10; id++) inbox.receive(id, [], heard(id));
    expect(inbox.heard.size).toBe(MAX_HEARD);
    expect(inbox.heard.has(10)).toBe(false);
    inbox.forgetAllBut(new Set([200, 201]));
    expect([...inbox.heard.keys()]).toEqual([200, 201]);
  });
});
