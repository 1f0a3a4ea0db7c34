import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import type { Environment } from "../environment.ts";
import { createProgress } from "./progress.ts";

const ERASE = "\r\u001B[K";

/** A bar whose two outputs are one terminal. */
function bar(total: number, errorColumns: number | undefined) {
  const clock = createVirtualClock();
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const environment = {
    stdout: write,
    stderr: write,
    clock,
    colour: false,
    errorColumns,
  } as Partial<Environment>;
  const progress = createProgress(environment as Environment, { title: "Applying", total });
  return { clock, progress, written };
}

describe("a progress bar", () => {
  it("stands below the lines, and is gone at the end", () => {
    const { progress, written } = bar(60, 80);
    progress.step();
    progress.print("a line\n");
    progress.end();
    progress.print("the last\n");
    const first = `${ERASE}Applying  █${"░".repeat(29)}   1/60`;
    expect(written).toEqual([first, ERASE, "a line\n", first, ERASE, "the last\n"]);
  });

  it("is drawn ten times in a second at most", async () => {
    const { clock, progress, written } = bar(1_000, 80);
    for (let step = 0; step < 500; step += 1) {
      progress.step();
      await clock.advance(2);
    }
    expect(written).toHaveLength(10);
    expect(written.at(-1)).toMatch(/Applying {2}█{14}░{16} {3}451\/1000$/);
  });

  it("fits the terminal, as numbers alone in a very narrow one", () => {
    for (const columns of [40, 30, 20, 12]) {
      const { progress, written } = bar(60, columns);
      progress.step();
      expect((written[0] ?? "").replace(ERASE, "").length).toBeLessThan(columns);
    }
    const { progress, written } = bar(60, 20);
    progress.step();
    expect(written).toEqual([`${ERASE} 1/60`]);
  });

  it("counts amounts in the words that it is given", () => {
    const written: string[] = [];
    const environment = {
      stderr: (text: string) => void written.push(text),
      clock: createVirtualClock(),
      colour: false,
      errorColumns: 60,
    } as Partial<Environment>;
    const show = (amount: number) => `${amount / 1000}k`;
    const options = { title: "Saving", total: 4_000, least: 4_000, show };
    createProgress(environment as Environment, options).step(2_000);
    expect(written).toEqual([`${ERASE}Saving  ${"█".repeat(15)}${"░".repeat(15)}  2k/4k`]);
    createProgress(environment as Environment, { ...options, least: 4_001 }).step(2_000);
    expect(written).toHaveLength(1);
  });

  it.each([
    ["in a pipe", 1_000, undefined],
    ["for little work", 49, 80],
  ])("is not there %s", (_, total, columns) => {
    const { progress, written } = bar(total, columns);
    progress.step();
    progress.print("a line\n");
    progress.end();
    expect(written).toEqual(["a line\n"]);
  });
});
