/** One run, in a process of its own: writers alone, or with a client that lists everything in pages. Prints what it measured as JSON. */
import { numberFlag, readFlags } from "../flags.ts";
import { Lister } from "./lister.ts";
import { type LoopDelay, LoopDelayMeter } from "./loop-delay.ts";
import { createWorld } from "./world.ts";
import { Writers } from "./writers.ts";

/** What a run measured. */
export interface RunFigures extends LoopDelay {
  /** Answered writes. */
  readonly writes: number;
  /** Whole lists, each exactly the set of one version. */
  readonly lists: number;
  readonly pages: number;
  /** Resources of the last list. */
  readonly resources: number;
}

const flags = {
  resources: { value: "N", help: "resources", default: "100000" },
  seconds: { value: "N", help: "how long each time", default: "5" },
  times: { value: "N", help: "how often; the figures are of the quietest", default: "1" },
  "page-size": { value: "N", help: "resources of a page; 0: no list", default: "1000" },
} as const;
const WARM_UP_MS = 300;
const values = readFlags(process.argv.slice(2), flags);
const resources = numberFlag("resources", values.resources, { min: 1, max: 1_000_000 });
const seconds = numberFlag("seconds", values.seconds, { min: 0.1, max: 600, fractions: true });
const times = numberFlag("times", values.times, { min: 1, max: 100 });
const pageSize = numberFlag("page-size", values["page-size"], { min: 0, max: 10_000 });

const world = await createWorld(resources);
const writers = new Writers(world, resources);
const lister = new Lister(world, { resources, pageSize });
writers.start();
if (pageSize > 0) await lister.list();
await new Promise((resolve) => void setTimeout(resolve, WARM_UP_MS));
const before = writers.writes;
const delays: LoopDelay[] = [];
let [lists, pages, listed] = [0, 0, 0];
while (delays.length < times) {
  const meter = new LoopDelayMeter();
  const end = performance.now() + seconds * 1_000;
  meter.start();
  while (performance.now() < end) {
    if (pageSize === 0) await new Promise((resolve) => void setTimeout(resolve, end - performance.now()));
    else {
      const listing = await lister.list();
      lists += 1;
      pages += listing.pages;
      listed = listing.resources;
    }
  }
  delays.push(meter.end());
}
const writes = writers.writes - before;
await writers.stop();
await world.close();
const quietest = (of: (delay: LoopDelay) => number): number => Math.min(...delays.map(of));
const delay: LoopDelay = { wallMs: quietest(({ wallMs }) => wallMs), cpuMs: quietest(({ cpuMs }) => cpuMs) };
const figures: RunFigures = { ...delay, writes, lists, pages, resources: listed };
console.log(JSON.stringify(figures));
