import { describe, expect, it } from "@jest/globals";
import { ulid } from "ulid";

import { ageOf, durationText } from "./age.ts";

describe("an age", () => {
  it.each([
    [0, "0s"],
    [119_999, "119s"],
    [120_000, "2m"],
    [7_199_999, "119m"],
    [7_200_000, "2h"],
    [172_799_999, "47h"],
    [172_800_000, "2d"],
    [86_400_000 * 400, "400d"],
  ])("of %d ms is %s", (durationMs, text) => {
    expect(durationText(durationMs)).toBe(text);
  });

  it("comes from the time inside the uid", () => {
    const bornMs = Date.UTC(2026, 0, 1);
    expect(ageOf(ulid(bornMs), bornMs + 42_000)).toBe("42s");
    expect(ageOf(ulid(bornMs), bornMs - 5_000)).toBe("0s");
    expect(ageOf("not-a-ulid", bornMs)).toBe("-");
    expect(ageOf("", bornMs)).toBe("-");
  });
});
