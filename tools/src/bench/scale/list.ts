import { median } from "../../bench-log/median.ts";
import { albumName } from "../album-requests.ts";
import { BenchError } from "../bench-error.ts";
import type { MeasurePart } from "./context.ts";
import { type Figure, whole } from "./figure.ts";
import type { LargeStore } from "./large-store.ts";
import { failuresOf, type Pace, SteadyLoad } from "./steady-load.ts";

/** A list is of so many, whose names begin alike and differ in the last digits. */
const LISTED = 100_000;
const LISTED_DIGITS = 5;
const LISTS = 3;
/** Page sizes; 0: as the server has it, a thousand. The other is the largest that it gives. */
const PAGES = [
  { pageSize: 0, name: "pages of 1,000" },
  { pageSize: 4_000, name: "pages of 4,000" },
];
/** Who reads meanwhile: one call after the other. */
const READERS = 1;

/** A list of many pages, and what it does to a small read beside it. */
export const measureList: MeasurePart = async ({ large: openLarge, resources, times: { baseMs }, tell }) => {
  const large = await openLarge();
  await large.fillTo(resources);
  const count = Math.min(LISTED, resources);
  const figures: Figure[] = [];
  const failures: string[] = [];
  const alone = await paceOfReads(large, () => new Promise((resolve) => setTimeout(resolve, baseMs)));
  const aloneNote = `${alone.longestMs.toFixed(1)} ms without a list`;
  for (const { pageSize, name } of PAGES) {
    tell(`list: ${whole(count)} in ${name}`);
    const tookMs: number[] = [];
    const paces: Pace[] = [];
    for (let list = 0; list < LISTS; list++) {
      paces.push(
        await paceOfReads(large, async () => void tookMs.push(await listOnce(large, count, pageSize))),
      );
    }
    figures.push(
      { what: `${whole(count)} listed in ${name}`, value: median(tookMs) / 1_000, unit: "s" },
      {
        what: `longest small read meanwhile, ${name}`,
        value: Math.max(...paces.map(({ longestMs }) => longestMs)),
        unit: "ms",
        note: `p99 ${median(paces.map(({ p99Ms }) => p99Ms)).toFixed(1)} ms; ${aloneNote}`,
      },
    );
    failures.push(...paces.flatMap((pace) => failuresOf(`reads beside a list in ${name}`, pace)));
  }
  return { figures, failures };
};

/** How long a list takes, in milliseconds. Throws when it has not all. */
async function listOnce(large: LargeStore, count: number, pageSize: number): Promise<number> {
  return await large.use(async (calls) => {
    const startedMs = performance.now();
    const found = await calls.listAll(0, { namePrefix: albumName(0).slice(0, -LISTED_DIGITS), pageSize });
    if (found !== count) throw new BenchError(`a list has ${found} resources, expected ${count}`);
    return performance.now() - startedMs;
  }, 1);
}

/** How small reads go, on a connection of their own, while something is done. */
async function paceOfReads(large: LargeStore, work: () => Promise<void>): Promise<Pace> {
  return await large.use(async (calls) => {
    const load = new SteadyLoad({
      callers: READERS,
      call: async (caller) => calls.read(caller, large.data.nextItem(), true).then(() => 1),
    });
    try {
      await work();
      return load.take();
    } finally {
      await load.end();
    }
  }, READERS);
}
