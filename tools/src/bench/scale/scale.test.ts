import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { runCommand } from "../../repository.ts";

const PATIENCE_MS = 180_000;

describe("npm run bench:scale", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "trellis-bench-scale-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function scale(...args: readonly string[]) {
    return runCommand("node", ["tools/src/bench/scale/main.ts", ...args], {
      // Where it has its stores, too.
      env: { NODE_OPTIONS: "", TMPDIR: folder },
      timeoutMs: PATIENCE_MS,
    });
  }

  it(
    "measures what is named, as a table and as JSON, and leaves nothing behind",
    async () => {
      const json = join(folder, "figures.json");
      const only = ["--only", "list,snapshot,restart"];
      const { exitCode, output, left } = await scale("--resources", "1000", ...only, "--json", json);
      expect({ exitCode, output, left }).toMatchObject({ exitCode: 0, left: [] });
      expect(readdirSync(folder)).toEqual(["figures.json"]);
      expect(output).toMatch(/^\| part +\| what +\| figure +\| at most +\| met +\| besides +\|$/m);
      const { results, options } = JSON.parse(readFileSync(json, "utf8"));
      expect(options).toMatchObject({ resources: 1_000 });
      expect(results.map(({ part }: { readonly part: string }) => part)).toEqual([
        "list",
        "snapshot",
        "restart",
      ]);
      for (const { figures, failures } of results) {
        expect(failures).toEqual([]);
        for (const figure of figures) expect(figure.value).toEqual(expect.any(Number));
      }
    },
    PATIENCE_MS,
  );

  it("tells its flags", async () => {
    const { exitCode, output } = await scale("--help");
    expect(exitCode).toBe(0);
    expect(output).toMatch(/--only PARTS +only these parts, with commas between: cost, memory, list/);
  });

  it.each([
    [["--only", "speed"], "--only: expected names of cost, memory,"],
    [["--json", "nowhere/figures.json"], "--json: expected a file in a folder that can be written"],
  ])("refuses %j in one line", async (args, message) => {
    const { exitCode, output } = await scale(...args);
    expect(exitCode).toBe(2);
    expect(output).toContain(message);
    expect(output.trim().split("\n")).toHaveLength(1);
  });
});
