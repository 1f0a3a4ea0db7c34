import { describe, expect, it } from "@jest/globals";

import { HELP, readArguments } from "./arguments.ts";

describe("the command line of npm run mutants", () => {
  it("gives words of paths, and how many are judged at a time", () => {
    expect(readArguments([])).toEqual({ words: [], jobs: 2 });
    expect(readArguments(["system", "--jobs", "1", "wal"])).toEqual({ words: ["system", "wal"], jobs: 1 });
    expect(readArguments(["--help"])).toBeUndefined();
    expect(HELP).toContain("--jobs N");
  });

  it.each([
    [["--jobs", "0"], '--jobs: expected a whole number from 1 to 8; found "0"'],
    [["--jobs", "many"], '--jobs: expected a whole number from 1 to 8; found "many"'],
    [["--jbos", "2"], "there are --jobs N, --help and words of paths"],
  ])("is refused with what there is: %j", (args, message) => {
    expect(() => readArguments(args)).toThrow(message);
  });
});
