import { describe, expect, it } from "@jest/globals";

import { parseDuration } from "./duration.ts";

describe("a time to wait", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["30", 30_000],
    ["1.5m", 90_000],
    ["24h", 86_400_000],
    ["0", 0],
  ])("%s is %d ms", (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it.each(["", "s", "soon", "-1s", "1d", "1 s", "25h", "1e3s", "9999999999999999h"])("is not %j", (text) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({
        message: `"${text}" is not a time to wait`,
        hint: "Write 500ms, 30s, 5m or 1h; at most 24h.",
        exitCode: 2,
      }),
    );
  });
});
