import { describe, expect, it } from "@jest/globals";

import { wantsColour } from "./wants-colour.ts";

describe("colour", () => {
  it.each([
    [{}, true],
    [{ TERM: "xterm-256color" }, true],
    [{ NO_COLOR: "" }, true],
    [{ NO_COLOR: "1" }, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, false],
    [{ FORCE_COLOR: "1" }, true],
    [{ FORCE_COLOR: "0" }, false],
    [{ FORCE_COLOR: "false" }, false],
    [{ TERM: "dumb" }, false],
  ])("on a terminal with %j: %j", (variables, expected) => {
    expect(wantsColour(variables, { terminals: true })).toBe(expected);
  });

  it.each([{}, { FORCE_COLOR: "1" }, { FORCE_COLOR: "3", TERM: "xterm-256color" }])(
    "is nowhere else, with %j either",
    (variables) => {
      expect(wantsColour(variables, { terminals: false })).toBe(false);
    },
  );
});
