import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { listenError } from "./listen-error.ts";
import { type Program, type ProgramProcess, runProgram } from "./run-program.ts";
import { serverOptions } from "./server-options.ts";
import { deferred } from "./test-support/test-server.ts";

const SIGTERM = 15;
const options = serverOptions({ listen: "127.0.0.1:7500", logLevel: "info" });
type Options = typeof options;

/** A process that only remembers. */
function fakeProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  isTTY = false,
) {
  const clock = createVirtualClock();
  const printed = { stdout: "", stderr: "" };
  const exits: number[] = [];
  const signals: ((number: number) => void)[] = [];
  const rejections: ((reason: unknown) => void)[] = [];
  const output = (name: "stdout" | "stderr") => ({ isTTY, write: (text: string) => (printed[name] += text) });
  const process: ProgramProcess = {
    args,
    environment,
    stdout: output("stdout"),
    stderr: output("stderr"),
    readFile: () => "",
    clock,
    onSignal: (listener) => void signals.push(listener),
    onUnhandledRejection: (listener) => void rejections.push(listener),
    exit: (code) => void exits.push(code),
  };
  const signal = (number: number): void => signals.forEach((listener) => listener(number));
  const reject = (reason: unknown): void => rejections.forEach((listener) => listener(reason));
  return { process, clock, printed, exits, signal, reject };
}

function program(
  start: Program<Options>["start"],
  isUserError: (error: unknown) => boolean = () => false,
): Program<Options> {
  return {
    name: "trellis-test",
    version: "1.2.3",
    summary: "serves tests",
    examples: [],
    options,
    isUserError,
    start,
  };
}

describe("a program", () => {
  it("answers --help and --version on stdout and ends with 0, without starting", async () => {
    for (const flag of ["--help", "--version"]) {
      const { process, printed, exits } = fakeProcess([flag]);
      await runProgram(
        program(() => Promise.reject(new Error("started"))),
        process,
      );
      expect(printed.stdout).toContain("trellis-test");
      expect([printed.stderr, exits]).toEqual(["", [0]]);
    }
  });

  it("says in one line each what is wrong with its configuration, and ends with 1", async () => {
    const { process, printed, exits } = fakeProcess(["--listn", "x", "--grace-ms", "0"]);
    await runProgram(
      program(() => Promise.reject(new Error("started"))),
      process,
    );
    expect(printed.stderr.split("\n")).toEqual([
      "trellis-test: --listn: there is no such option; did you mean --listen?",
      expect.stringMatching(/^trellis-test: --grace-ms: expected a whole number from 1 to \d+; found "0"$/),
      "",
    ]);
    expect(exits).toEqual([1]);
  });

  it.each([
    ["a port in use", listenError("127.0.0.1:7500", Object.assign(new Error("x"), { code: "EADDRINUSE" }))],
    ["an error that is the user's", new RangeError("no domain acme: is it installed?")],
  ])("tells %s in one line", async (_, error) => {
    const { process, printed, exits } = fakeProcess([]);
    await runProgram(
      program(
        () => Promise.reject(error),
        (thrown) => thrown instanceof RangeError,
      ),
      process,
    );
    expect(printed.stderr).toBe(`trellis-test: ${error.message}\n`);
    expect(exits).toEqual([1]);
  });

  it("tells a defect with its stack", async () => {
    const { process, printed } = fakeProcess([]);
    await runProgram(
      program(() => Promise.reject(new Error("unforeseen"))),
      process,
    );
    expect(printed.stderr).toMatch(/^trellis-test: failed to start: Error: unforeseen\n {4}at /);
  });

  it("stops at the first signal, and ends with 0 once it has stopped", async () => {
    const { process, exits, signal, clock } = fakeProcess([]);
    const stopped = deferred();
    await runProgram(
      program(async () => ({ stop: () => stopped.promise })),
      process,
    );
    signal(SIGTERM);
    await clock.flush();
    expect(exits).toEqual([]);
    stopped.resolve();
    await clock.flush();
    expect(exits).toEqual([0]);
  });

  it("takes a signal that follows at once for the same, and ends at once for a second one", async () => {
    const { process, exits, signal, clock } = fakeProcess([]);
    await runProgram(
      program(async () => ({ stop: () => deferred().promise })),
      process,
    );
    signal(SIGTERM);
    signal(SIGTERM);
    await clock.advance(501);
    expect(exits).toEqual([]);
    signal(SIGTERM);
    expect(exits).toEqual([128 + SIGTERM]);
  });

  it("ends at a signal that comes before it has started", async () => {
    const { process, exits, signal, clock } = fakeProcess([]);
    void runProgram(
      program(() => deferred<{ stop(): Promise<void> }>().promise),
      process,
    );
    signal(SIGTERM);
    await clock.flush();
    expect(exits).toEqual([0]);
  });

  it("ends with 1 when it cannot stop, and says why", async () => {
    const { process, exits, printed, signal, clock } = fakeProcess([]);
    await runProgram(
      program(async () => ({ stop: () => Promise.reject(new Error("disk gone")) })),
      process,
    );
    signal(SIGTERM);
    await clock.flush();
    expect(exits).toEqual([1]);
    expect(printed.stderr).toContain("disk gone");
  });

  it("is stopped when it cannot go on by itself, says why, and ends with 1", async () => {
    const { process, exits, printed, clock } = fakeProcess([]);
    const failed = Promise.withResolvers<Error>();
    const stopped = deferred();
    let stops = 0;
    await runProgram(
      program(
        async () => ({
          async stop() {
            stops++;
            await stopped.promise;
          },
          failed: failed.promise,
        }),
        (error) => error instanceof RangeError,
      ),
      process,
    );
    expect([printed.stderr, stops, exits]).toEqual(["", 0, []]);
    failed.resolve(new RangeError("the disk failed; look for what it says"));
    await clock.flush();
    expect([stops, exits]).toEqual([1, []]);
    stopped.resolve();
    await clock.flush();
    expect(exits).toEqual([1]);
    expect(printed.stderr).toBe("trellis-test: the disk failed; look for what it says\n");
  });

  it("ends with 1 as well when it failed and cannot be stopped in good order", async () => {
    const { process, exits, printed, clock } = fakeProcess([]);
    const stop = (): Promise<void> => Promise.reject(new Error("nor stopped"));
    await runProgram(
      program(async () => ({ stop, failed: Promise.resolve(new Error("disk gone")) })),
      process,
    );
    await clock.flush();
    expect(exits).toEqual([1]);
    expect(printed.stderr).toMatch(/^trellis-test: had to stop: Error: disk gone\n {4}at /);
  });

  it("does not wait for ever for the end of one that failed", async () => {
    const { process, exits, clock } = fakeProcess([]);
    await runProgram(
      program(async () => ({
        stop: () => deferred().promise,
        failed: Promise.resolve(new Error("disk gone")),
      })),
      process,
    );
    await clock.advance(9_999);
    expect(exits).toEqual([]);
    await clock.advance(1);
    expect(exits).toEqual([1]);
  });

  it("is stopped once when a signal comes while it ends by itself, and the other way round", async () => {
    for (const order of ["signal first", "failure first"]) {
      const { process, exits, signal, clock } = fakeProcess([]);
      const failed = Promise.withResolvers<Error>();
      const stopped = deferred();
      let stops = 0;
      await runProgram(
        program(async () => ({
          async stop() {
            stops++;
            await stopped.promise;
          },
          failed: failed.promise,
        })),
        process,
      );
      if (order === "signal first") signal(SIGTERM);
      failed.resolve(new Error("disk gone"));
      await clock.flush();
      if (order === "failure first") signal(SIGTERM);
      stopped.resolve();
      await clock.flush();
      expect({ order, stops, exits }).toEqual({ order, stops: 1, exits: [1] });
    }
  });

  it("logs a promise that somebody forgot, and lives on", async () => {
    const { process, exits, printed, reject } = fakeProcess([]);
    await runProgram(
      program(async () => ({ stop: async () => undefined })),
      process,
    );
    reject(new Error("forgotten"));
    expect(JSON.parse(printed.stderr)).toMatchObject({ level: "error", err: { message: "forgotten" } });
    expect(exits).toEqual([]);
  });

  it.each([
    [{}, true, true],
    [{ NO_COLOR: "1" }, true, false],
    [{ TERM: "dumb" }, true, false],
    [{}, false, false],
  ])("with %j on a terminal (%s) writes colours: %s", async (environment, isTTY, colours) => {
    const { process, printed } = fakeProcess(["--help"], environment as Record<string, string>, isTTY);
    await runProgram(
      program(async () => ({ stop: async () => undefined })),
      process,
    );
    expect(printed.stdout.includes("\u001b[")).toBe(colours);
  });
});
