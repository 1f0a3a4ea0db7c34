import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";

import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { createSessions } from "./sessions.ts";

const limits = { pingIntervalMs: 30_000, pingTimeoutMs: 15_000, idleSessionMs: 100_000 };

/** An HTTP/2 connection that answers pings as long as the test wants it to. */
class FakeSession extends EventEmitter {
  answers = true;
  destroyed = false;
  closed = false;
  pings = 0;

  ping(callback: () => void): boolean {
    this.pings += 1;
    if (this.answers) setImmediate(callback);
    return true;
  }
  close(): void {
    this.closed = true;
    this.emit("close");
  }
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

function open() {
  const clock = createVirtualClock();
  const sessions = createSessions(clock, limits);
  const session = new FakeSession();
  sessions.add(session as unknown as ServerHttp2Session);
  return { clock, sessions, session };
}

describe("an HTTP/2 connection", () => {
  it("with a silent stream is kept for hours, as long as its peer answers", async () => {
    const { clock, session } = open();
    session.emit("stream", new EventEmitter());
    await clock.advance(3 * 3_600_000);
    expect([session.closed, session.destroyed, session.pings]).toEqual([false, false, 360]);
  });

  it("is given up when its peer does not answer", async () => {
    const { clock, session } = open();
    session.emit("stream", new EventEmitter());
    session.answers = false;
    await clock.advance(44_999);
    expect(session.destroyed).toBe(false);
    await clock.advance(1);
    expect([session.destroyed, clock.pending()]).toEqual([true, 0]);
  });

  it("without a stream is closed after its time", async () => {
    const { clock, session } = open();
    await clock.advance(120_000);
    expect([session.closed, clock.pending()]).toEqual([true, 0]);
  });

  it("counts as idle from the end of its last stream", async () => {
    const { clock, session } = open();
    const stream = new EventEmitter();
    session.emit("stream", stream);
    await clock.advance(500_000);
    stream.emit("close");
    await clock.advance(90_000);
    expect(session.closed).toBe(false);
    await clock.advance(60_000);
    expect(session.closed).toBe(true);
  });

  it("that breaks the protocol ends alone", () => {
    const { session } = open();
    session.emit("error", new Error("protocol error"));
    expect(session.destroyed).toBe(true);
  });

  it("that opens while the server stops is told to go", () => {
    const { sessions, session } = open();
    sessions.close();
    expect(session.closed).toBe(true);
    const late = new FakeSession();
    sessions.add(late as unknown as ServerHttp2Session);
    expect(late.closed).toBe(true);
  });
});
