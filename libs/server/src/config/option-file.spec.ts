import { describe, expect, it } from "@jest/globals";

import { ConfigError } from "./config-error.ts";
import { readOptionFile } from "./option-file.ts";

function faultsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (ConfigError.is(error)) return error.faults;
    throw error;
  }
  return [];
}

describe("a file that an option names", () => {
  it("is read and parsed", () => {
    expect(
      readOptionFile(
        "secret",
        "/run/secret",
        (path) => `${path}!`,
        (text) => text.length,
      ),
    ).toBe(12);
  });

  it("that cannot be read is told with the option, the path and why", () => {
    const readFile = () => {
      throw Object.assign(new Error("no"), { code: "ENOENT" });
    };
    expect(faultsOf(() => readOptionFile("secret", "/nowhere", readFile, String))).toEqual([
      "--secret: expected a file that can be read; found /nowhere (ENOENT)",
    ]);
  });

  it("that holds something else is told in the parser's words, without what it holds", () => {
    const parse = () => {
      throw new Error("expected one line");
    };
    expect(faultsOf(() => readOptionFile("secret", "/run/secret", () => "hunter2", parse))).toEqual([
      "--secret: /run/secret: expected one line",
    ]);
  });
});
