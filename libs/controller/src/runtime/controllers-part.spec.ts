import { afterEach, describe, expect, it } from "@jest/globals";

import { defineController } from "../define.ts";
import { Artist, createRun, type Run } from "../test-support/run.ts";
import { createControllersPart } from "./controllers-part.ts";

let run: Run;
afterEach(() => run.close());

describe("controllers as a part of a process", () => {
  it("tell of those that do not start, until they do, and are ready for the sake of the others", async () => {
    let fails = true;
    run = createRun([
      defineController({
        name: "stubborn",
        type: Artist,
        async init() {
          if (fails) throw new Error("no database");
        },
        reconcile: async () => undefined,
      }),
      defineController({ name: "good", type: Artist, reconcile: async () => undefined }),
    ]);
    const said: string[] = [];
    const line = (_: object, message: string): void => void said.push(message);
    const part = createControllersPart({
      name: "controllers",
      runtime: run.server.runtime,
      clock: run.clock,
      log: { debug: line, info: line, warn: line, error: line },
    });
    await part.start();
    await run.clock.advance(300);
    expect(part.notReady()).toBeUndefined();
    expect(part.remark()).toBe("stubborn does not start: no database");
    expect(said).toEqual(["controllers are running, but stubborn does not start: no database"]);
    fails = false;
    await run.clock.advance(60_000);
    expect(part.remark()).toBeUndefined();
    await part.stop();
    expect(part.notReady()).toBe("controllers are stopping");
  });
});
