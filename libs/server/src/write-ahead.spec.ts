import { describe, expect, it } from "@jest/globals";

import { WriteAhead } from "./write-ahead.ts";

describe("what is written ahead of the network", () => {
  it("is bounded for each response", () => {
    const response = { writableLength: 0 };
    const ahead = new WriteAhead(100, 1_000).open(response);
    expect(ahead.hasRoom()).toBe(true);
    response.writableLength = 99;
    expect(ahead.hasRoom()).toBe(true);
    response.writableLength = 100;
    expect(ahead.hasRoom()).toBe(false);
    response.writableLength = 0;
    expect(ahead.hasRoom()).toBe(true);
  });

  it("is bounded in all, and given back by those who are through", () => {
    const all = new WriteAhead(100, 150);
    const slow = all.open({ writableLength: 90 });
    const other = all.open({ writableLength: 60 });
    expect([slow.hasRoom(), other.hasRoom(), slow.hasRoom()]).toEqual([true, false, false]);
    slow.close();
    expect(other.hasRoom()).toBe(true);
  });
});
