import { afterEach, describe, expect, it } from "@jest/globals";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";

import type { ReconcileContext } from "../context.ts";
import { defineController } from "../define.ts";
import { after, type Result, retry, terminal } from "../result.ts";
import { Artist, createRun, type Run } from "../test-support/run.ts";
import { MAX_CONDITIONS } from "./status-builder.ts";

const KEY = "example.dev/test";

let run: Run;
afterEach(() => run.close());

type Act = (context: ReconcileContext<typeof Artist.schema>) => Result | void;

/** A controller of artists that says what the test says; how often it has run. */
function createSaying(act: Act) {
  const ran: string[] = [];
  run = createRun([
    defineController({
      name: "saying",
      key: KEY,
      type: Artist,
      async reconcile(context) {
        ran.push(context.resource.data.name);
        return act(context);
      },
    }),
  ]);
  return ran;
}

const stored = async () => (await run.client.read(Artist, { name: "korn" })).status[KEY];

describe("the status of a run", () => {
  it("is written under the key, of the generation that was looked at, in the order of the first `set` of each", async () => {
    createSaying(({ status }) => {
      status.set("Second", false, { reason: "Later", message: "is set again" });
      status.set("First", "unknown");
      status.set("Second", true);
    });
    const { generation } = await run.artist("korn");
    await run.settled();
    expect(await stored()).toMatchObject({
      observedGeneration: generation,
      conditions: [
        { type: "Second", state: Condition_State.TRUE, reason: "", message: "" },
        { type: "First", state: Condition_State.UNKNOWN },
      ],
    });
  });

  it("refers to what it is about", async () => {
    createSaying(({ status, resource }) => status.set("Seen", true, { resource: resource.id }));
    await run.artist("korn");
    await run.settled();
    expect((await stored())?.conditions[0]?.resource).toMatchObject({ name: "korn" });
  });

  it("causes no further run, and is not written again while it says the same", async () => {
    const ran = createSaying(({ status, resource }) =>
      status.set("Named", true, { message: resource.data.name }),
    );
    await run.artist("korn", "v1");
    await run.settled();
    await run.artist("korn", "v2");
    await run.settled();
    expect(ran).toEqual(["v1", "v2"]);
    const { version } = run.server.backend.position();
    await run.client.writeStatus(Artist, await run.client.read(Artist, { name: "korn" }), {
      key: "example.dev/other",
      observedGeneration: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
      conditions: [],
    });
    await run.settled();
    expect(ran).toEqual(["v1", "v2", "v2"]);
    expect(run.server.backend.position().version).toBe(version + 1);
  });

  it("that differs each time ends with the run that wrote it", async () => {
    let runs = 0;
    const ran = createSaying(({ status }) => status.set("Counted", true, { message: `${++runs}` }));
    await run.artist("korn");
    await run.settled();
    await run.clock.advance(10_000);
    expect(ran).toHaveLength(1);
  });

  it("is left alone by a run that says nothing, and removed by `clear`", async () => {
    createSaying(({ status, resource }) => {
      if (resource.data.name === "says") status.set("Said", true);
      if (resource.data.name === "clears") status.clear();
      if (resource.data.name === "clears and says") {
        status.set("Old", true);
        status.clear();
        status.set("New", true);
      }
    });
    await run.artist("korn", "says");
    await run.settled();
    await run.artist("korn", "silent");
    await run.settled();
    expect((await stored())?.conditions).toHaveLength(1);
    await run.artist("korn", "clears");
    await run.settled();
    expect(await stored()).toBeUndefined();
    await run.artist("korn", "clears and says");
    await run.settled();
    expect((await stored())?.conditions.map(({ type }) => type)).toEqual(["New"]);
  });

  it.each<[string, () => Result]>([
    ["retry", () => retry(new Error("not yet"))],
    ["terminal", () => terminal(new Error("never"))],
    ["after", () => after(60_000)],
  ])("is written when the run returns %s", async (_, result) => {
    createSaying(({ status }) => {
      status.set("Ready", false, { message: "told all the same" });
      return result();
    });
    await run.artist("korn");
    await run.clock.flush();
    expect((await stored())?.conditions[0]?.message).toBe("told all the same");
  });

  it("is not written when the run throws, or returns what is no result", async () => {
    createSaying(({ status, resource }) => {
      status.set("Ready", true);
      if (resource.data.name === "throws") throw new Error("thrown");
      return "nonsense" as never;
    });
    for (const name of ["throws", "returns nonsense"]) {
      await run.artist("korn", name);
      await run.clock.flush();
      expect(await stored()).toBeUndefined();
    }
  });

  it("that cannot be written makes the run one that failed", async () => {
    createSaying(({ status }) => status.set("Ready", true));
    run.faults.request = ({ method }) => {
      if (method === "WriteStatus") throw new Error("no route");
    };
    await run.artist("korn");
    await run.clock.flush();
    expect(run.status("saying")).toMatchObject({ retrying: 1, failures: 1 });
    delete run.faults.request;
    await run.clock.advance(60_000);
    await run.settled();
    expect((await stored())?.conditions).toHaveLength(1);
  });

  it("of what is gone by then is no failure", async () => {
    createSaying(({ status }) => status.set("Ready", true));
    run.faults.request = async ({ method }) => {
      if (method === "WriteStatus") await run.client.delete(Artist, { name: "korn" });
    };
    await run.artist("korn");
    await run.settled();
    expect(run.status("saying")).toMatchObject({ failures: 0 });
  });

  it("has a limit, and takes no nonsense", async () => {
    const errors: unknown[] = [];
    createSaying(({ status }) => {
      const attempts = [
        () => status.set("", true),
        () => status.set("Ready", 1 as never),
        () => {
          for (let number = 0; number <= MAX_CONDITIONS; number++) status.set(`C${number}`, true);
        },
      ];
      for (const attempt of attempts) {
        try {
          attempt();
        } catch (error) {
          errors.push(String(error));
        }
      }
      status.clear();
    });
    await run.artist("korn");
    await run.settled();
    expect(errors).toEqual([
      expect.stringContaining("needs the type"),
      expect.stringContaining('takes true, false or "unknown", found 1'),
      expect.stringContaining("at most"),
    ]);
  });
});
