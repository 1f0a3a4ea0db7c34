import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "@trellis/testkit";

import { type CommandOptions, runCommand } from "../repository.ts";

const SHORT = ["--seconds", "0.2", "--warm-up", "0", "--rounds", "1", "--keys", "1000"];

/** How long a server may take to begin, on a busy machine. */
const BEGIN_MS = 20_000;

function bench(args: readonly string[], { env, ...options }: CommandOptions = {}) {
  const all = ["tools/src/bench/main.ts", ...args];
  return runCommand("node", all, { ...options, env: { NODE_OPTIONS: "", ...env } });
}

describe("npm run bench", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "trellis-bench-spec-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("measures what is named, as a table and as JSON, and leaves nothing behind", async () => {
    const json = join(folder, "figures.json");
    const stores = join(folder, "stores");
    const only = "write-16,batch100-64,list1000-16,watch-100,json-write-64";
    const wanted = ["--only", only, "--json", json, "--directory", stores];
    const { exitCode, output, left } = await bench([...SHORT, ...wanted]);
    expect({ exitCode, output, left }).toMatchObject({ exitCode: 0, left: [] });
    expect(readdirSync(stores)).toEqual([]);
    expect(output).toMatch(/^\| scenario +\| system +\| ops\/s/m);
    const { machine, results } = JSON.parse(readFileSync(json, "utf8"));
    expect(machine).toMatchObject({ cores: expect.any(Number), node: process.versions.node });
    expect(results.map(({ scenario, clients }: Record<string, unknown>) => [scenario, clients])).toEqual([
      ["write-16", 16],
      ["batch100-64", 64],
      ["list1000-16", 16],
      ["watch-100", 100],
      ["json-write-64", 64],
    ]);
    for (const row of results) {
      expect(row).toMatchObject({ system: "trellis", errors: {} });
      for (const field of ["opsPerSecond", "p50Ms", "p99Ms", "p999Ms", "serverCpuUsPerOp", "rssBytes"])
        expect(row[field]).toBeGreaterThan(0);
      expect(row.p99Ms).toBeGreaterThanOrEqual(row.p50Ms);
      expect(row.p999Ms).toBeGreaterThanOrEqual(row.p99Ms);
    }
  });

  it("stops its servers and removes their data when it is told to end", async () => {
    const stores = join(folder, "ended");
    const ending = new AbortController();
    const run = bench(["--only", "write-16", "--directory", stores], { signal: ending.signal });
    await eventually(() => {
      const [store = ""] = readdirSync(stores);
      expect(existsSync(join(stores, store, "trellis-standalone", "data"))).toBe(true);
    }, BEGIN_MS);
    ending.abort("seen enough");
    const { exitCode, stopped, left } = await run;
    expect({ exitCode, stopped, left }).toEqual({ exitCode: 130, stopped: "seen enough", left: [] });
    expect(readdirSync(stores)).toEqual([]);
  });

  it("tells its flags and its scenarios", async () => {
    const { exitCode, output } = await bench(["--help"]);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/--peer etcd +measure etcd too/);
    expect(output).toContain(" cluster-write-64 ");
  });

  it.each([
    [["--seconds", "soon"], '--seconds: expected a number from 0.05 to 600; found "soon"'],
    [["--keys", "1.5"], '--keys: expected a whole number from 1000 to 10000000; found "1.5"'],
    [["--colour", "red"], "Unknown option '--colour'; there are --peer etcd"],
    [["--json", "nowhere/figures.json"], "--json: expected a file in a folder that can be written"],
    [
      ["--only", "write-16,fly"],
      '--only: no scenario is called or begins with "fly"; they begin with write, create, cas, batch100,',
    ],
    [["--quick", "--only", "write-16"], "--quick and --only exclude each other"],
    [["--peer", "consul"], '--peer: expected etcd; found "consul"'],
    [["--peer", "etcd"], 'found none as "/nowhere/etcd"; install Debian\'s package etcd-server'],
  ])("refuses %j in one line", async (args, message) => {
    const { exitCode, output } = await bench(args, { env: { ETCD_BIN: "/nowhere/etcd" } });
    expect(exitCode).toBe(2);
    expect(output).toContain(message);
    expect(output.trim().split("\n")).toHaveLength(1);
  });
});
