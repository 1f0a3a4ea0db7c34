import { describe, expect, it } from "@jest/globals";

import { PlainHeaders } from "./plain-headers.ts";

const REQUEST = { ":path": "/x", "content-type": "application/proto", "x-b": "2", "x-a": ["1", "3"] };

/** The same in the platform's own class, for whom a pseudo header is no header. */
function platform(): Headers {
  const headers = new Headers({ "content-type": "application/proto", "x-b": "2", "x-a": "1" });
  headers.append("x-a", "3");
  return headers;
}

function both(use: (headers: Headers) => unknown): readonly [unknown, unknown] {
  return [use(new PlainHeaders({ ...REQUEST })), use(platform())];
}

describe("plain headers", () => {
  it.each<readonly [string, (headers: Headers) => unknown]>([
    ["read", (headers) => ["X-A", "x-b", "x-c"].map((name) => [headers.get(name), headers.has(name)])],
    ["list", (headers) => [[...headers], [...headers.keys()], [...headers.values()], [...headers.entries()]]],
    [
      "visit",
      (headers) => {
        const seen: unknown[] = [];
        headers.forEach((value, name, parent) => seen.push([value, name, parent === headers]));
        return seen;
      },
    ],
    [
      "set",
      (headers) => {
        headers.set("X-B", "4");
        headers.set("x-c", " \t\u00e9 5\r\n");
        headers.set("x-d", "");
        return [...headers];
      },
    ],
    [
      "append",
      (headers) => {
        headers.append("X-B", "4");
        headers.append("x-c", "5");
        return [...headers];
      },
    ],
    [
      "delete",
      (headers) => {
        headers.delete("X-A");
        headers.delete("x-c");
        return [...headers];
      },
    ],
    ["become others", (headers) => [...new Headers(headers)]],
  ])("%s as the platform's do", (_, use) => {
    const [plain, platforms] = both(use);
    expect(plain).toEqual(platforms);
  });

  // Node's own errors are of another realm than a test's.
  const typeError: unknown = expect.objectContaining({ name: "TypeError" });

  it.each([
    ["x a", "b"],
    ["", "b"],
    ["ä", "b"],
    ["x-a", "a\nb"],
    ["x-a", "a\0b"],
    ["x-a", "€"],
  ])("refuse the header %j: %j as the platform's do", (name, value) => {
    for (const headers of [new PlainHeaders(), new Headers()]) {
      expect(() => headers.set(name, value)).toThrow(typeError as Error);
      expect(() => headers.append(name, value)).toThrow(typeError as Error);
      expect([...headers]).toEqual([]);
    }
  });

  it("have nothing that only their object has", () => {
    for (const headers of [new PlainHeaders(), new Headers()])
      expect(["constructor", "__proto__", "toString"].map((name) => headers.get(name))).toEqual([
        null,
        null,
        null,
      ]);
  });

  it("show no pseudo headers of HTTP/2", () => {
    const headers = new PlainHeaders({ ...REQUEST });
    expect([headers.get(":path"), headers.has(":path"), [...headers.keys()]]).toEqual([
      null,
      false,
      ["content-type", "x-a", "x-b"],
    ]);
  });

  it("keep cookies apart", () => {
    expect(new PlainHeaders({ "set-cookie": ["a=1", "b=2"] }).getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(new PlainHeaders().getSetCookie()).toEqual([]);
  });
});
