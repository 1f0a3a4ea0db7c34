import { PassThrough } from "node:stream";

import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { errorReason } from "@trellis/resource";
import { createVirtualClock } from "@trellis/testing";

import { createHeldBytes } from "./held-bytes.ts";
import { createMessageFrames } from "./message-frames.ts";
import type { NodeRequest } from "./node-exchange.ts";
import { readBody, readWholeBody } from "./request-body.ts";

/** A request whose body the test writes. */
function incoming(headers: Readonly<Record<string, string>> = {}) {
  const stream = new PassThrough();
  const request = Object.assign(stream, { headers, httpVersionMajor: 1 }) as unknown as NodeRequest;
  const held = createHeldBytes({ maxHeldBytes: 1_000, maxRequestBytes: 100 }).open();
  return { stream, request, held, clock: createVirtualClock() };
}

async function outcome(reading: Promise<Uint8Array>): Promise<string | ConnectError> {
  return await reading.then(
    (bytes) => Buffer.from(bytes).toString("utf8"),
    (error: unknown) => error as ConnectError,
  );
}

describe("a request's body", () => {
  it("is read whole, and leaves no timer", async () => {
    const { stream, request, held, clock } = incoming();
    const reading = outcome(readWholeBody(request, { held, clock, timeoutMs: 1_000, maxBytes: 100 }));
    stream.write("one ");
    await clock.advance(999);
    stream.end("two");
    expect(await reading).toBe("one two");
    expect(clock.pending()).toBe(0);
  });

  it("that comes a byte a minute is given up after its time, told as DEADLINE_EXCEEDED", async () => {
    const { stream, request, held, clock } = incoming();
    const reading = outcome(readWholeBody(request, { held, clock, timeoutMs: 150_000, maxBytes: 100 }));
    for (let minute = 0; minute < 3; minute++) {
      stream.write("x");
      await clock.advance(60_000);
    }
    const error = await reading;
    expect([(error as ConnectError).code, errorReason(error)]).toEqual([
      Code.DeadlineExceeded,
      "DEADLINE_EXCEEDED",
    ]);
    expect([stream.destroyed, clock.pending()]).toEqual([false, 0]);
  });

  it.each([
    ["before a byte is read, when its head admits it", { "content-length": "101" }, ""],
    ["as soon as it is, when its head does not", {}, "x".repeat(101)],
  ])("over the limit is refused %s", async (_, headers, text) => {
    const { stream, request, held, clock } = incoming(headers as Record<string, string>);
    const reading = outcome(readWholeBody(request, { held, clock, maxBytes: 100 }));
    stream.write(text);
    const error = await reading;
    expect([(error as ConnectError).code, errorReason(error)]).toEqual([
      Code.ResourceExhausted,
      "REQUEST_TOO_LARGE",
    ]);
  });

  it("of exactly the limit is taken", async () => {
    const { stream, request, held, clock } = incoming();
    stream.end("x".repeat(100));
    expect(await outcome(readWholeBody(request, { held, clock, maxBytes: 100 }))).toHaveLength(100);
  });

  it("whose client goes away is canceled", async () => {
    const { stream, request, held, clock } = incoming();
    const reading = outcome(readWholeBody(request, { held, clock, timeoutMs: 1_000, maxBytes: 100 }));
    stream.write("half");
    await clock.flush();
    stream.destroy();
    expect(((await reading) as ConnectError).code).toBe(Code.Canceled);
    expect(clock.pending()).toBe(0);
  });

  it("ends with the reason of its signal", async () => {
    const { request, held, clock } = incoming();
    const stop = new AbortController();
    const reading = outcome(readWholeBody(request, { held, clock, signal: stop.signal, maxBytes: 100 }));
    stop.abort(new ConnectError("over", Code.Aborted));
    expect(((await reading) as ConnectError).code).toBe(Code.Aborted);
  });

  it("asks for no more than one piece ahead", async () => {
    const { stream, request, held, clock } = incoming();
    const body = readBody(request, { held, clock });
    const iterator = body[Symbol.asyncIterator]();
    stream.write("one");
    expect((await iterator.next()).value).toEqual(Buffer.from("one"));
    await clock.flush();
    expect(stream.isPaused()).toBe(true);
  });

  it("that its reader abandons can still be dropped by others", async () => {
    const { stream, request, held, clock } = incoming();
    const body = readBody(request, { held, clock, timeoutMs: 1_000 });
    stream.write("one");
    await body[Symbol.asyncIterator]().next();
    body.close();
    stream.end("rest");
    stream.resume();
    await clock.flush();
    expect([stream.readableEnded, clock.pending()]).toEqual([true, 0]);
  });
});

/** A message of a stream: no flags, its length, its bytes. */
function message(text: string): string {
  return `\0\0\0\0${String.fromCharCode(text.length)}${text}`;
}

/** Reads a body of messages; what came of it so far, and how it ended. */
function readMessages({ stream, request, held, clock }: ReturnType<typeof incoming>) {
  const body = readBody(request, { held, clock, timeoutMs: 1_000, frames: createMessageFrames() });
  const seen: { bytes: number; end: string | undefined } = { bytes: 0, end: undefined };
  const read = async (): Promise<void> => {
    for await (const chunk of body) seen.bytes += chunk.byteLength;
  };
  read().then(
    () => (seen.end = "whole"),
    (error: unknown) => (seen.end = (error as ConnectError).rawMessage),
  );
  const send = async (text: string): Promise<void> => {
    stream.write(text);
    await clock.flush();
  };
  return { seen, send };
}

describe("a body of any number of messages", () => {
  it("whose first message does not come is given up", async () => {
    const request = incoming();
    const { seen } = readMessages(request);
    await request.clock.advance(999);
    expect(seen.end).toBeUndefined();
    await request.clock.advance(1);
    expect(seen.end).toBe(
      "the request's first message did not arrive within 1000 ms; send it faster or in smaller requests",
    );
    expect(request.clock.pending()).toBe(0);
  });

  it("whose first message comes a byte at a time is given up as well", async () => {
    const request = incoming();
    const { seen, send } = readMessages(request);
    for (const byte of message("ninety")) {
      await send(byte);
      await request.clock.advance(110);
    }
    expect(seen).toEqual({ bytes: 10, end: expect.stringContaining("first message") as unknown });
  });

  it("may be silent for ever between two messages", async () => {
    const request = incoming();
    const { seen, send } = readMessages(request);
    await send(message("first"));
    await request.clock.advance(10_000_000);
    await send(message(""));
    await request.clock.advance(10_000_000);
    expect([seen, request.clock.pending()]).toEqual([{ bytes: 15, end: undefined }, 0]);
    request.stream.end();
    await request.clock.flush();
    expect(seen.end).toBe("whole");
  });

  it("is given up when a later message stops in its middle, and only then", async () => {
    const request = incoming();
    const { seen, send } = readMessages(request);
    await send(message("first") + message("second").slice(0, 7));
    await request.clock.advance(999);
    await send("c");
    await request.clock.advance(999);
    expect(seen.end).toBeUndefined();
    await request.clock.advance(1);
    expect(seen.end).toContain("message after those before it");
    expect(request.clock.pending()).toBe(0);
  });

  it("holds no more than its unfinished message", async () => {
    const held = createHeldBytes({ maxHeldBytes: 40, maxRequestBytes: 10 });
    const request = { ...incoming(), held: held.open() };
    const { seen, send } = readMessages(request);
    for (let count = 0; count < 100; count++) await send(message("ten bytes."));
    await send(message("ten bytes.").slice(0, 14));
    expect(seen).toEqual({ bytes: 1_514, end: undefined });
    const other = held.open();
    other.take(26);
    expect(() => other.take(1)).toThrow("at most 40");
  });
});
