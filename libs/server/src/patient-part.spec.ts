import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { silentLog } from "./log.ts";
import type { HttpRequest, Part } from "./part.ts";
import { patientPart } from "./patient-part.ts";

const HOLD_MS = 30_000;

/** A part whose start succeeds once it is let, and what its plain route was asked. */
function atDoor() {
  const clock = createVirtualClock();
  const asked: HttpRequest[] = [];
  let isThere = false;
  const inner: Part = {
    name: "inner",
    routes: {
      http: [
        {
          prefix: "/",
          async handle(request) {
            asked.push(request);
            return { status: 200 };
          },
        },
      ],
    },
    async start() {
      if (!isThere) throw new Error("the storage is not there");
    },
    stop: async () => undefined,
    remark: () => "a remark",
  };
  const waitsFor = () => (isThere ? undefined : "a leader");
  const part = patientPart(inner, { clock, log: silentLog, waitsFor, begins: "it begins" });
  const ask = async (headers: Record<string, string>, signal = new AbortController().signal) =>
    await part.routes.http?.[0]?.handle({
      method: "GET",
      url: new URL("http://x/"),
      headers: new Headers(headers),
      signal,
      body: async () => new Uint8Array([1]),
    });
  return { clock, asked, part, ask, arrive: () => (isThere = true) };
}

describe("a part whose storage is not there yet", () => {
  it("says what it waits for, then that it begins, then nothing", async () => {
    const { clock, part, arrive } = atDoor();
    await part.start();
    expect(part.notReady?.()).toBe("the storage waits for a leader");
    arrive();
    expect(part.notReady?.()).toBe("it begins");
    await clock.advance(1_000);
    expect(part.notReady?.()).toBeUndefined();
    expect(part.remark?.()).toBe("a remark");
  });

  it("holds a plain request no longer than its head allows, and hands on what is left of its time", async () => {
    const { clock, asked, part, ask } = atDoor();
    await part.start();
    const answer = ask({ "trellis-timeout-ms": "300", other: "x" });
    await clock.advance(299);
    expect(asked).toEqual([]);
    await clock.advance(1);
    expect(await answer).toEqual({ status: 200 });
    expect([...(asked[0]?.headers ?? [])]).toEqual([
      ["other", "x"],
      ["trellis-timeout-ms", "1"],
    ]);
    expect(await asked[0]?.body()).toEqual(new Uint8Array([1]));
  });

  it("lets what is held go on when the storage comes, with the time that is left", async () => {
    const { clock, asked, part, ask, arrive } = atDoor();
    await part.start();
    const answer = ask({ "trellis-timeout-ms": "5000" });
    await clock.advance(1_500);
    arrive();
    await clock.advance(500);
    await answer;
    expect(asked[0]?.headers.get("trellis-timeout-ms")).toBe("3000");
  });

  it.each([
    ["that says nothing of its time", {}],
    ["whose head is wrong there, which is told of later", { "trellis-timeout-ms": "-1" }],
  ])("holds a request for 30 s %s", async (_, headers) => {
    const { clock, asked, part, ask } = atDoor();
    await part.start();
    const answer = ask(headers);
    await clock.advance(HOLD_MS - 1);
    expect(asked).toEqual([]);
    await clock.advance(1);
    await answer;
    expect(Object.fromEntries(asked[0]?.headers ?? [])).toEqual(headers);
  });

  it("holds nobody whose client is gone, nor when it stops", async () => {
    const { clock, asked, part, ask } = atDoor();
    await part.start();
    const gone = new AbortController();
    const answers = [ask({}, gone.signal), ask({})];
    gone.abort();
    await clock.flush();
    expect(asked.length).toBe(1);
    await part.stop();
    await Promise.all(answers);
    expect(asked.length).toBe(2);
  });
});
