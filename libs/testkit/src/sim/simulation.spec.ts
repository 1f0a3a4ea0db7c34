import { describe, expect, it } from "@jest/globals";

import { simulate } from "./simulation.ts";

describe("the simulator", () => {
  const traceOf = async (seed: number): Promise<readonly string[]> => {
    const lines: string[] = [];
    await simulate({ seed, nodes: 3, minutes: 0.3, sink: (line) => lines.push(line) });
    return lines;
  };

  it("does the same twice for a seed", async () => {
    const first = await traceOf(7);
    expect(first.length).toBeGreaterThan(1000);
    expect(await traceOf(7)).toEqual(first);
    expect(await traceOf(15)).not.toEqual(first);
  });

  it("does the same twice for a seed with routers", async () => {
    const first = await traceOf(8);
    expect(first.filter((line) => line.includes(" g1 ")).length).toBeGreaterThan(5);
    expect(await traceOf(8)).toEqual(first);
  });

  it("does the same twice for a seed with gateways in storage nodes", async () => {
    const first = await traceOf(94);
    expect(first.some((line) => / n\d +server-linked .*"address":"n/.test(line))).toBe(true);
    expect(await traceOf(94)).toEqual(first);
  });

  it("is the same run whether it is traced or not", async () => {
    const traced = await simulate({ seed: 9, nodes: 3, minutes: 0.3, sink: () => undefined });
    const quiet = await simulate({ seed: 9, nodes: 3, minutes: 0.3 });
    expect(quiet.coverage).toEqual(traced.coverage);
    expect(quiet.virtualMs).toBe(traced.virtualMs);
  });
});
