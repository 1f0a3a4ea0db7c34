import { describe, expect, it } from "@jest/globals";
import { message, type Message } from "@trellis/raft";

import { LaneQueue } from "./lane.ts";

const said = (applied: number) => ({ featureLevel: 1, hasSpace: true, applied });
const beats = (count: number): Message[] =>
  Array.from({ length: count }, () => message({ type: "MsgHeartbeat" }));
const large = (mebibytes: number): Message =>
  message({
    type: "MsgApp",
    entries: [{ index: 1, term: 1, type: "EntryNormal", data: new Uint8Array(mebibytes * 1024 * 1024) }],
  });

describe("the queue of a lane", () => {
  it("gives all that waits at once, with what was announced last", async () => {
    const lane = new LaneQueue();
    lane.add(beats(2), said(1));
    lane.add(beats(1), said(2));
    expect(await lane.next()).toMatchObject({ messages: { length: 3 }, announcement: { applied: 2 } });
  });

  it("gives batches of so many bytes, and a message that is larger alone", async () => {
    const lane = new LaneQueue();
    lane.add([large(3), large(2), large(6), large(1)], said(1));
    const batches = [await lane.next(), await lane.next(), await lane.next(), await lane.next()];
    expect(batches.map((batch) => batch?.messages.length)).toEqual([1, 1, 1, 1]);
  });

  it("takes no more than fits, all of a call or nothing; alone a call may be larger", async () => {
    const lane = new LaneQueue();
    expect(lane.add([large(40)], said(1))).toBe(true);
    expect(lane.add(beats(1), said(1))).toBe(false);
    await lane.next();
    expect(lane.add(beats(4_000), said(1))).toBe(true);
    expect(lane.add(beats(97), said(1))).toBe(false);
    expect(lane.add(beats(96), said(1))).toBe(true);
  });

  it("ends for whoever waits, and takes nothing more, once it is closed", async () => {
    const lane = new LaneQueue();
    const waiting = lane.next();
    lane.close();
    expect(await waiting).toBeUndefined();
    expect(lane.add(beats(1), said(1))).toBe(false);
    expect(await lane.next()).toBeUndefined();
  });
});
