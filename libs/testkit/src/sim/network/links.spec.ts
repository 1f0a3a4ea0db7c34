import { describe, expect, it } from "@jest/globals";

import { createDice } from "../world/dice.ts";
import { World } from "../world/world.ts";
import { Links } from "./links.ts";

function startLinks(): {
  world: World;
  links: Links;
  seen: string[];
  send: (from: string, to: string) => void;
} {
  const world = new World();
  const links = new Links(world, createDice(1, "links"));
  const seen: string[] = [];
  let sent = 0;
  return {
    world,
    links,
    seen,
    send: (from, to) => {
      const name = `${from}${to}${++sent}`;
      links.send(from, to, () => seen.push(name));
    },
  };
}

describe("links between hosts", () => {
  it("are cut in one direction only", async () => {
    const { world, links, seen, send } = startLinks();
    links.cut("a", "b");
    for (const [from, to] of ["a b", "b a", "a c", "c b"].map((pair) => pair.split(" ")))
      send(from ?? "", to ?? "");
    await world.run({ ms: 100 });
    expect(seen.toSorted()).toEqual(["ac3", "ba2", "cb4"]);
    links.heal("a", "b");
    send("a", "b");
    await world.run({ ms: 200 });
    expect(seen).toContain("ab5");
  });

  it("lose what is on its way when they are cut", async () => {
    const { world, links, seen, send } = startLinks();
    send("a", "b");
    links.cut("a", "b");
    await world.run({ ms: 100 });
    expect(seen).toEqual([]);
  });

  it("lose, repeat and reorder as the weather is", async () => {
    const { world, links, seen, send } = startLinks();
    Object.assign(links.weather, { lossRate: 0.2, duplicateRate: 0.2, lateRate: 0.1 });
    for (let at = 0; at < 200; at++) send("a", "b");
    await world.run({ ms: 10_000 });
    const numbers = seen.map((name) => Number(name.slice(2)));
    expect(new Set(numbers).size).toBeLessThan(180);
    expect(numbers.length).toBeGreaterThan(new Set(numbers).size);
    expect(numbers).not.toEqual(numbers.toSorted((a, b) => a - b));
  });
});
