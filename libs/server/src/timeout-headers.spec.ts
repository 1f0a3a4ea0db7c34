import { describe, expect, it } from "@jest/globals";

import { limitTimeouts } from "./timeout-headers.ts";

const DAY_MS = 86_400_000;

function limited(name: string, value: string): string | null {
  const headers = new Headers({ [name]: value });
  limitTimeouts(headers, DAY_MS);
  return headers.get(name);
}

describe("timeouts of requests", () => {
  it.each([
    ["grpc-timeout", "99999999H", "86400S"],
    ["grpc-timeout", "25H", "86400S"],
    ["grpc-timeout", "24H", "24H"],
    ["grpc-timeout", "100m", "100m"],
    ["grpc-timeout", "soon", "soon"],
    ["connect-timeout-ms", "9999999999", "86400000"],
    ["connect-timeout-ms", "86400000", "86400000"],
    ["connect-timeout-ms", "soon", "soon"],
  ])("%s: %s counts as %s", (name, value, expected) => {
    expect(limited(name, value)).toBe(expected);
  });

  it("are not invented", () => {
    const headers = new Headers();
    limitTimeouts(headers, DAY_MS);
    expect([...headers]).toEqual([]);
  });
});
