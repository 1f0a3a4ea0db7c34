import { describe, expect, it } from "@jest/globals";

import type { System } from "./deployment.ts";
import type { Result } from "./measurement.ts";
import { picture } from "./picture.ts";
import { comparisonTable, resultTable, warnings } from "./report.ts";
import { SCENARIOS } from "./scenarios.ts";
import { compare, QUICK_SCENARIOS, TARGETS } from "./targets.ts";

type Figures = Partial<Result>;

function result(scenario: string, system: System, figures: Figures = {}): Result {
  return {
    scenario,
    system,
    clients: 64,
    rounds: 5,
    opsPerSecond: 10_000,
    slowestRoundOpsPerSecond: 9_000,
    fastestRoundOpsPerSecond: 11_000,
    p50Ms: 1,
    p99Ms: 4,
    p999Ms: 9,
    serverCpuUsPerOp: 60,
    cpuUsPerOp: { server: 60 },
    rssBytes: 2 ** 28,
    generatorCpuUsPerOp: 50,
    generatorBusy: 0.5,
    operations: 50_000,
    errors: {},
    ...figures,
  };
}

function pair(scenario: string, ours: Figures, theirs: Figures = {}): readonly Result[] {
  return [result(scenario, "trellis", ours), result(scenario, "etcd", theirs)];
}

describe("what Trellis has to reach", () => {
  it("is measured by --quick and nothing else is, each with both systems", () => {
    expect(QUICK_SCENARIOS).toEqual([
      "write-64",
      "cluster-write-64",
      "strong-read-64",
      "eventual-read-64",
      "mixed-32",
      "watch-1000",
      "batch100-64",
    ]);
    expect(TARGETS).toHaveLength(6);
    for (const name of QUICK_SCENARIOS) {
      const scenario = SCENARIOS.find((candidate) => candidate.name === name);
      expect(Object.keys(scenario?.load ?? {})).toEqual(["trellis", "etcd"]);
    }
  });

  it.each([
    ["exactly that", { serverCpuUsPerOp: 50, opsPerSecond: 12_000 }, true],
    ["too much CPU", { serverCpuUsPerOp: 51, opsPerSecond: 12_000 }, false],
    ["too few operations a second", { serverCpuUsPerOp: 50, opsPerSecond: 11_900 }, false],
    ["a 99th percentile that is worse", { serverCpuUsPerOp: 50, opsPerSecond: 12_000, p99Ms: 4.1 }, false],
  ])("is met or not with %s", (_, ours, met) => {
    expect(compare(pair("write-64", ours))).toMatchObject([{ scenario: "write-64", met }]);
  });

  it("is not asked for beyond what a row says", () => {
    const [found] = compare(pair("cluster-write-64", { opsPerSecond: 1, p99Ms: 400 }));
    expect(found).toMatchObject({ perCpuSecond: 1, throughput: 0.0001, p99: 100, met: true });
  });

  it("is told for both scenarios of a row, in the order of the rows", () => {
    const results = [
      ...pair("eventual-read-64", { serverCpuUsPerOp: 30 }),
      ...pair("strong-read-64", {}),
      ...pair("write-64", {}),
    ];
    expect(compare(results).map(({ scenario, met }) => [scenario, met])).toEqual([
      ["write-64", false],
      ["strong-read-64", false],
      ["eventual-read-64", true],
    ]);
  });

  it("is not met by figures that are not known, nor told of one system alone", () => {
    expect(compare(pair("mixed-32", { serverCpuUsPerOp: null }))).toMatchObject([{ met: false }]);
    expect(compare([result("mixed-32", "trellis")])).toEqual([]);
  });
});

describe("the report", () => {
  const results = pair("mixed-32", { serverCpuUsPerOp: 20, cpuUsPerOp: { gateway: 15, "node-1": 5 } });

  it("has a row for each result, with the CPU of each process where there are several", () => {
    const [header, , ours, theirs] = resultTable(results).split("\n");
    expect(header).toMatch(/^\| scenario \| system +\| ops\/s /);
    expect(ours).toMatch(
      /^\| mixed-32 \| trellis \| 10,000 \| 9,000–11,000 .* 20\.0 .*gateway 15\.0, node-1 5\.0/,
    );
    expect(theirs).toMatch(/^\| mixed-32 \| etcd /);
  });

  it("says for each row the target, the ratio and whether it is met", () => {
    const [, , row] = comparisonTable(compare(results)).split("\n");
    expect(row).toMatch(/\| mixed-32 +\| 1\.50× per CPU second \| 3\.00× +\| 1\.00× +\| 1\.00× \| yes \|$/);
  });

  it("warns when there was no time for all rounds", () => {
    expect(warnings(results, 6)).toEqual([
      "only 5 of 6 rounds fit into the time: the machine is slow or busy",
    ]);
  });

  it("warns of a generator that may be the limit, and of calls that failed", () => {
    const busy = result("write-64", "etcd", { generatorBusy: 0.9, errors: { "HTTP 503": 2 } });
    expect(warnings([...results, busy], 5)).toEqual([
      "write-64 etcd: the generator used 90 % of a core and may be the limit: trust the CPU, not the throughput",
      'write-64 etcd: calls failed: {"HTTP 503":2}',
    ]);
  });
});

describe("the picture", () => {
  const comparisons = compare([
    ...pair("write-64", { serverCpuUsPerOp: 70 }),
    ...pair("watch-1000", { serverCpuUsPerOp: 5 }),
  ]);
  const svg = picture(comparisons, '2 x "fast" <cores> & more');

  it("is well-formed: every element is closed by its own end, and all text is escaped", () => {
    const open: string[] = [];
    for (const [, end, name, selfClosed] of svg.matchAll(/<(\/?)(\w+)(?:\s+[\w:-]+="[^"<&]*")*\s*(\/?)>/g)) {
      if (end === "/") expect(open.pop()).toBe(name);
      else if (selfClosed !== "/") open.push(name ?? "");
    }
    expect(open).toEqual([]);
    const text = svg.replaceAll(/<[^<>]*>/g, "");
    expect(text).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot);)/);
    expect(text).toContain("2 x &quot;fast&quot; &lt;cores&gt; &amp; more");
  });

  it("has a bar for each comparison, to the left of etcd's line where it is less", () => {
    const bars = [...svg.matchAll(/<rect class="(\w+)" x="(\d+)" y="\d+" width="(\d+)"/g)];
    const etcd = Number(/class="axis" x1="(\d+)"/.exec(svg)?.[1]);
    expect(bars.map(([, kind, x, width]) => [kind, Number(x) < etcd, Number(width) > 0])).toEqual([
      ["missed", true, true],
      ["met", false, true],
    ]);
  });
});
