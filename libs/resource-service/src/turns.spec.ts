import { describe, expect, it } from "@jest/globals";

import { Turns } from "./turns.ts";

const never = new AbortController().signal;

describe("turns", () => {
  it("come in the order in which they were asked for, and one key's hold up no other's", async () => {
    const turns = new Turns();
    const order: string[] = [];
    const first = await turns.take(["a"], never);
    const others = ["second", "third"].map(async (name) => {
      const end = await turns.take(["a"], never);
      order.push(name);
      end();
    });
    (await turns.take(["b"], never))();
    expect(order).toEqual([]);
    first();
    await Promise.all(others);
    expect(order).toEqual(["second", "third"]);
    await Promise.resolve();
    expect(turns.size).toBe(0);
  });

  it("of many keys begin once all of them are free, and hold up whoever comes later for any of them", async () => {
    const turns = new Turns();
    const order: string[] = [];
    const stand = async (name: string, keys: string[]) => {
      const end = await turns.take(keys, never);
      order.push(name);
      await Promise.resolve();
      end();
    };
    const first = await turns.take(["a"], never);
    const second = await turns.take(["b"], never);
    const all = [stand("both", ["b", "a", "b"]), stand("b", ["b"]), stand("other way", ["a", "b"])];
    expect([turns.contended(["c", "b"]), turns.contended(["c"])]).toEqual([true, false]);
    second();
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    first();
    await Promise.all(all);
    expect(order).toEqual(["both", "b", "other way"]);
    expect(turns.size).toBe(0);
  });

  it("are given up by who is called away, and those behind go on", async () => {
    const turns = new Turns();
    const first = await turns.take(["a"], never);
    const away = new AbortController();
    const second = turns.take(["a"], away.signal);
    const third = turns.take(["a"], never);
    away.abort(new Error("called away"));
    await expect(second).rejects.toThrow("called away");
    first();
    (await third)();
    await Promise.resolve();
    await Promise.resolve();
    expect(turns.size).toBe(0);
  });
});
