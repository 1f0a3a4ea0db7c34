import { PassThrough } from "node:stream";

import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { errorReason } from "@trellis/resource";
import { createVirtualClock } from "@trellis/testing";

import type { NodeRequest } from "./node-exchange.ts";
import { readBody, readWholeBody } from "./request-body.ts";

/** A request whose body the test writes. */
function incoming(headers: Readonly<Record<string, string>> = {}) {
  const stream = new PassThrough();
  const request = Object.assign(stream, { headers, httpVersionMajor: 1 }) as unknown as NodeRequest;
  return { stream, request, clock: createVirtualClock() };
}

async function outcome(reading: Promise<Uint8Array>): Promise<string | ConnectError> {
  return await reading.then(
    (bytes) => Buffer.from(bytes).toString("utf8"),
    (error: unknown) => error as ConnectError,
  );
}

describe("a request's body", () => {
  it("is read whole, and leaves no timer", async () => {
    const { stream, request, clock } = incoming();
    const reading = outcome(readWholeBody(request, { clock, timeoutMs: 1_000, maxBytes: 100 }));
    stream.write("one ");
    await clock.advance(999);
    stream.end("two");
    expect(await reading).toBe("one two");
    expect(clock.pending()).toBe(0);
  });

  it("that comes a byte a minute is given up after its time, told as DEADLINE_EXCEEDED", async () => {
    const { stream, request, clock } = incoming();
    const reading = outcome(readWholeBody(request, { clock, timeoutMs: 150_000, maxBytes: 100 }));
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
    const { stream, request, clock } = incoming(headers as Record<string, string>);
    const reading = outcome(readWholeBody(request, { clock, maxBytes: 100 }));
    stream.write(text);
    const error = await reading;
    expect([(error as ConnectError).code, errorReason(error)]).toEqual([
      Code.ResourceExhausted,
      "REQUEST_TOO_LARGE",
    ]);
  });

  it("of exactly the limit is taken", async () => {
    const { stream, request, clock } = incoming();
    stream.end("x".repeat(100));
    expect(await outcome(readWholeBody(request, { clock, maxBytes: 100 }))).toHaveLength(100);
  });

  it("whose client goes away is canceled", async () => {
    const { stream, request, clock } = incoming();
    const reading = outcome(readWholeBody(request, { clock, timeoutMs: 1_000, maxBytes: 100 }));
    stream.write("half");
    await clock.flush();
    stream.destroy();
    expect(((await reading) as ConnectError).code).toBe(Code.Canceled);
    expect(clock.pending()).toBe(0);
  });

  it("ends with the reason of its signal", async () => {
    const { request, clock } = incoming();
    const stop = new AbortController();
    const reading = outcome(readWholeBody(request, { clock, signal: stop.signal, maxBytes: 100 }));
    stop.abort(new ConnectError("over", Code.Aborted));
    expect(((await reading) as ConnectError).code).toBe(Code.Aborted);
  });

  it("asks for no more than one piece ahead", async () => {
    const { stream, request, clock } = incoming();
    const body = readBody(request, { clock });
    const iterator = body[Symbol.asyncIterator]();
    stream.write("one");
    expect((await iterator.next()).value).toEqual(Buffer.from("one"));
    await clock.flush();
    expect(stream.isPaused()).toBe(true);
  });

  it("that its reader abandons can still be dropped by others", async () => {
    const { stream, request, clock } = incoming();
    const body = readBody(request, { clock, timeoutMs: 1_000 });
    stream.write("one");
    await body[Symbol.asyncIterator]().next();
    body.close();
    stream.end("rest");
    stream.resume();
    await clock.flush();
    expect([stream.readableEnded, clock.pending()]).toEqual([true, 0]);
  });
});
