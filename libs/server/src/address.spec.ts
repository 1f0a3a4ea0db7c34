import { describe, expect, it } from "@jest/globals";

import { addressText, addressUrl, parseAddress } from "./address.ts";

describe("an address", () => {
  it.each([
    ["127.0.0.1:7500", { host: "127.0.0.1", port: 7500 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["[::1]:7500", { host: "::1", port: 7500 }],
  ])("%s is read and written back", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(addressText(address)).toBe(text);
  });

  it("without a host is every interface, which this machine reaches on the loopback", () => {
    const address = parseAddress(":8080");
    expect(address.port).toBe(8080);
    expect(addressUrl(address)).toMatch(/^http:\/\/(127\.0\.0\.1|\[::1\]|localhost):8080$/);
  });

  it.each([
    "",
    "7500",
    "host",
    "host:",
    "host:x",
    "host:65536",
    "host:-1",
    "::1:7500",
    "http://host:80",
    "a b:80",
  ])("%j is refused, saying what was expected", (text) => {
    expect(() => parseAddress(text)).toThrow(/^expected /);
  });
});
