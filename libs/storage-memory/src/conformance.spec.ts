import { describe, expect, it } from "@jest/globals";
import { conformanceCases, SMALL_HISTORY_COMMITS } from "@trellis/storage/conformance";

import { createMemoryBackend } from "./memory-backend.ts";
import { createManualClock, fixedRandom } from "./test-support/manual-clock.ts";

describe("the memory backend keeps the storage contract", () => {
  const clock = createManualClock();
  const deps = { clock, random: fixedRandom };
  const cases = conformanceCases({
    open: async () => createMemoryBackend(deps),
    openSmall: async () => createMemoryBackend(deps, { historyCommits: SMALL_HISTORY_COMMITS }),
    elapse: (milliseconds) => clock.elapse(milliseconds),
    watchesSleep: true,
  });

  it.each(cases.map(({ name, run }) => ({ name, run })))("$name", async ({ run }) => {
    await run();
  });

  it("covers every numbered case", () => {
    const numbered = cases
      .flatMap(({ name }) => /^storage ([\d, ]+):/.exec(name)?.[1]?.split(", ") ?? [])
      .map(Number);
    expect(numbered.sort((a, b) => a - b)).toEqual(Array.from({ length: 46 }, (_, index) => index + 1));
  });

  it("covers every case of watches that sleep", () => {
    expect(cases.filter(({ name }) => /^(sleeping|offering): /.test(name))).toHaveLength(8);
  });

  it("covers every case of what the resource service needs of storage, but the one of restores", () => {
    const numbered = new Set(cases.flatMap(({ name }) => name.match(/\bT\d{3}\b/g) ?? []));
    const all = Array.from({ length: 32 }, (_, index) => `T${528 + index}`);
    expect([...numbered].sort()).toEqual(all.filter((name) => name !== "T558"));
  });
});
