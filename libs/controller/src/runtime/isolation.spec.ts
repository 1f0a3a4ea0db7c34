import { afterEach, describe, expect, it } from "@jest/globals";

import { defineController, watch } from "../define.ts";
import { Album, Artist, createRun, drain, nameOf, type Run } from "../test-support/run.ts";
import { LONG_RUN_MS } from "./workers.ts";

let run: Run;
let isOver = false;
afterEach(async () => {
  isOver = true;
  await run.close();
});

const never = new Promise<never>(() => {});
/** What an author may do wrong in a reconcile, and how the others must not notice. */
const misdeeds: [string, () => unknown][] = [
  [
    "throws",
    () => {
      throw new Error("thrown");
    },
  ],
  ["rejects", () => Promise.reject(new Error("rejected"))],
  ["hangs", () => never],
  [
    "loops for ever",
    async () => {
      isOver = false;
      while (!isOver) await new Promise((resolve) => setImmediate(resolve));
    },
  ],
  [
    "throws what has no words",
    () => {
      throw Object.create(null);
    },
  ],
  ["throws nothing", () => Promise.reject(undefined)],
  ["returns nonsense", () => ({ kind: "whatever" })],
  ["returns null", () => null],
  ["asks for a time that is none", () => ({ kind: "after", delayMs: Number.NaN })],
  ["asks for the end of time", () => ({ kind: "after", delayMs: Number.POSITIVE_INFINITY })],
  [
    "returns a trap",
    () => ({
      get kind(): never {
        throw new Error("trap");
      },
    }),
  ],
  [
    "returns a promise that is none",
    () => ({
      // oxlint-disable-next-line unicorn/no-thenable
      then() {
        throw new Error("no promise");
      },
    }),
  ],
  ["retries for no reason", () => ({ kind: "retry", error: Object.create(null) })],
];

describe("a reconcile that misbehaves", () => {
  it.each(misdeeds)(
    "C005: and %s keeps no other controller and no other resource from being looked after",
    async (_, misdeed) => {
      const good: string[] = [];
      const bad: string[] = [];
      run = createRun([
        defineController({
          name: "bad",
          type: Artist,
          concurrency: 2,
          reconcile: (({ request }: { request: { name: string } }) => {
            bad.push(request.name);
            return request.name === "evil" ? misdeed() : undefined;
          }) as never,
        }),
        defineController({
          name: "good",
          type: Artist,
          reconcile: async ({ request }) => void good.push(request.name),
        }),
      ]);
      await run.artist("evil");
      await run.clock.flush();
      await run.artist("fine");
      await run.clock.advance(100);
      expect(good).toEqual(["evil", "fine"]);
      expect(bad).toContain("fine");
      expect(run.status("good")).toMatchObject({ failures: 0, idle: true });
      expect(run.status("bad").idle).toBe(false);
    },
  );

  it("and hangs is told in the log, and in the status by how long it has", async () => {
    run = createRun([defineController({ name: "slow", type: Artist, reconcile: () => never })]);
    await run.artist("a");
    await run.clock.advance(LONG_RUN_MS + 1_000);
    expect(run.status("slow")).toMatchObject({ running: 1, longestRunMs: LONG_RUN_MS + 1_000 });
    expect(run.lines).toMatchObject(
      [{ level: "warn", fields: { controller: "slow", request: { name: "a" } }, message: /takes long/ }].map(
        (line) => ({ ...line, message: expect.stringMatching(line.message) }),
      ),
    );
  });
});

describe("a mapper that misbehaves", () => {
  it("is tried again on the same change, told in the log, and holds up nobody else", async () => {
    const ran: string[] = [];
    let broken = true;
    run = createRun([
      defineController({
        name: "mapped",
        type: Artist,
        watches: [
          watch(Album, ({ resource }) => {
            if (broken) throw new Error("broken");
            return [{ partition: "default", namespace: "default", name: resource.data.title }];
          }),
        ],
        reconcile: async ({ request }) => void ran.push(nameOf(request)),
        absent: async ({ request }) => void ran.push(nameOf(request)),
      }),
    ]);
    await run.album("issues", undefined, "korn");
    await run.artist("a");
    await run.clock.advance(20);
    expect(drain(ran)).toEqual(["a"]);
    expect(run.status("mapped")).toMatchObject({ mapping: 1, lastError: "broken", idle: false });
    expect(run.lines[0]).toMatchObject({
      level: "warn",
      fields: { controller: "mapped", watched: "demo.v2.Album", resource: { name: "issues" } },
    });
    broken = false;
    await run.clock.advance(60_000);
    expect(drain(ran)).toEqual(["korn"]);
    expect(run.status("mapped")).toMatchObject({ mapping: 0, idle: true });
  });

  it("and returns what is no request is told so; its other requests go through", async () => {
    const ran: string[] = [];
    const wrong = [undefined, {}, { name: "" }, { name: "x" }, "korn"];
    run = createRun([
      defineController({
        name: "mapped",
        type: Artist,
        watches: [
          watch(Album, () => [...wrong, { partition: "p", namespace: "n", name: "korn" }] as never),
          watch(Album, () => "korn" as never),
        ],
        reconcile: async ({ request }) => void ran.push(nameOf(request)),
        absent: async ({ request }) => void ran.push(nameOf(request)),
      }),
    ]);
    await run.album("issues");
    await run.clock.flush();
    expect(ran).toEqual(["p/n/korn"]);
    expect(run.lines.filter(({ level }) => level === "error")).toHaveLength(wrong.length);
    expect(run.status("mapped").lastError).toContain("must return a list");
  });

  it("and hangs stops only its own watch", async () => {
    const ran: string[] = [];
    run = createRun([
      defineController({
        name: "mapped",
        type: Artist,
        watches: [
          watch(Album, () => never),
          watch(Album, ({ resource }) => [{ partition: "", namespace: "", name: resource.id.name }]),
        ],
        reconcile: async ({ request }) => void ran.push(nameOf(request)),
        absent: async ({ request }) => void ran.push(nameOf(request)),
      }),
    ]);
    await run.album("one");
    await run.album("two");
    await run.clock.flush();
    expect(ran).toEqual(["//one", "//two"]);
  });
});
