import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "@trellis/testing";

import { byName } from "../mappers.ts";
import { defineController, watch } from "../define.ts";
import { Album, Artist, Festival, RecordLabel } from "../test-support/run.ts";
import { cycleText, dependencyCycles } from "./dependency-cycles.ts";
import { type Dependency, dependencyGraph, graphOf, toMermaid } from "./dependency-graph.ts";

const reconcile = async (): Promise<void> => {};

/** `t1>t2` is an edge. */
function graph(...edges: readonly string[]) {
  return graphOf(
    edges.map((edge): Dependency => {
      const [from = "", to = ""] = edge.split(">");
      return { from, to };
    }),
  );
}

describe("the graph of types", () => {
  it("C030: is drawn as a flowchart of sorted edges", () => {
    expect(toMermaid(graph("t4>t1", "t1>t2", "t2>t4", "t1>t3"))).toBe(
      "flowchart TD\n  t1 --> t2\n  t1 --> t3\n  t2 --> t4\n  t4 --> t1",
    );
  });

  it("leads from what a controller manages to what it watches and owns, each edge once", () => {
    const one = defineController({
      name: "a",
      type: Artist,
      owns: [RecordLabel],
      watches: [Album],
      reconcile,
    });
    const other = defineController({
      name: "b",
      type: Artist,
      watches: [watch(Album, byName()), Festival],
      reconcile,
    });
    expect(toMermaid(dependencyGraph([one, other]))).toBe(
      "flowchart TD\n  demo/v2/artist --> demo/v1/recordlabel\n  demo/v2/artist --> demo/v2/album\n  demo/v2/artist --> demo/v2/festival",
    );
  });

  it("has types that nothing depends on, each in a line of its own", () => {
    const alone = defineController({ name: "a", type: Artist, reconcile });
    expect(dependencyGraph([alone], [RecordLabel]).types).toEqual(["demo/v1/recordlabel", "demo/v2/artist"]);
    expect(toMermaid(dependencyGraph([alone], [RecordLabel]))).toBe(
      "flowchart TD\n  demo/v1/recordlabel\n  demo/v2/artist",
    );
  });

  it("of nothing is empty", () => {
    expect(toMermaid(graphOf([]))).toBe("flowchart TD");
  });
});

describe("cycles of types", () => {
  it("C031: are none in nothing", () => {
    expect(dependencyCycles(graphOf([]))).toEqual([]);
  });

  it("C032: are none where a type is reached in two ways", () => {
    expect(dependencyCycles(graph("t1>t2", "t1>t3", "t2>t3", "t3>t4"))).toEqual([]);
  });

  it("C033: are told whole, and refuse nothing", () => {
    const cycles = dependencyCycles(graph("t1>t2", "t2>t1"));
    expect(cycles).toEqual([{ types: ["t1", "t2"], path: ["t1", "t2", "t1"] }]);
    expect(cycles.map(cycleText)).toEqual([
      "types depend on each other: t1 → t2 → t1; a change goes round until a controller writes nothing new",
    ]);
  });

  it("are found over three types and more, and each apart from the others", () => {
    const cycles = dependencyCycles(graph("t4>t1", "t1>t2", "t2>t4", "t1>t3", "t3>u1", "u1>u2", "u2>u1"));
    expect(cycles.map(({ path }) => path.join(" "))).toEqual(["t1 t2 t4 t1", "u1 u2 u1"]);
  });

  it("of which several hang together are one: the shortest way around, and who is in it besides", () => {
    const cycles = dependencyCycles(graph("a>b", "b>a", "b>c", "c>d", "d>b"));
    expect(cycles).toEqual([{ types: ["a", "b", "c", "d"], path: ["a", "b", "a"] }]);
    expect(cycleText(cycles[0] ?? { types: [], path: [] })).toContain("a → b → a, and with them c, d;");
  });

  it("are not those of a type with itself", () => {
    expect(dependencyCycles(graph("t1>t1", "t1>t2"))).toEqual([]);
  });

  it("are those of who reaches whom, in random graphs", () => {
    const random = seededRandom(30);
    for (let round = 0; round < 300; round++) {
      const size = 1 + Math.floor(random() * 7);
      const node = (): string => `n${Math.floor(random() * size)}`;
      const drawn = graph(...Array.from({ length: Math.floor(random() * 14) }, () => `${node()}>${node()}`));
      const reaches = reachability(drawn.dependencies);
      const expected = drawn.types
        .map((type) =>
          drawn.types.filter((one) => one === type || (reaches(type, one) && reaches(one, type))),
        )
        .filter(({ length }) => length > 1)
        .map((types) => types.join(" "));
      const found = dependencyCycles(drawn);
      expect(found.map(({ types }) => types.join(" "))).toEqual([...new Set(expected)].sort());
      for (const { path } of found)
        for (const [at, from] of path.slice(0, -1).entries())
          expect(drawn.dependencies).toContainEqual({ from, to: path[at + 1] });
    }
  });
});

/** Whether one type depends on another over any number of others: worked out the slow way. */
function reachability(dependencies: readonly Dependency[]): (from: string, to: string) => boolean {
  const known = new Set(dependencies.map(({ from, to }) => `${from}>${to}`));
  // A set that grows while it is walked: what is added is walked too.
  for (const pair of known) {
    const [from = "", over = ""] = pair.split(">");
    for (const next of dependencies) if (next.from === over) known.add(`${from}>${next.to}`);
  }
  return (from, to) => known.has(`${from}>${to}`);
}
