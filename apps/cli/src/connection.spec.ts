import { describe, expect, it } from "@jest/globals";

import { serverUrl } from "./connection.ts";

describe("a server's address", () => {
  it.each([
    ["127.0.0.1:7500", "http://127.0.0.1:7500"],
    ["localhost", "http://localhost"],
    ["http://host:7500/", "http://host:7500"],
    ["HTTPS://Host", "https://host"],
    ["[::1]:7500", "http://[::1]:7500"],
  ])("%s is %s", (text, url) => {
    expect(serverUrl(text)).toBe(url);
  });

  it.each([
    "",
    "ftp://host",
    "host:port",
    "http://",
    "http://host/path",
    "http://host?a=b",
    "a b",
    "http://user:secret@host",
  ])("is not %j", (text) => {
    expect(() => serverUrl(text)).toThrow(
      expect.objectContaining({
        message: `the server "${text}" is not an address`,
        hint: "Give --server or TRELLIS_SERVER as http://HOST:PORT.",
        exitCode: 2,
      }),
    );
  });
});
