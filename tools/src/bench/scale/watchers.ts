import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { BenchError } from "../bench-error.ts";
import { Dataset } from "../dataset.ts";
import type { Deployment, Shape } from "../deployment.ts";
import { fill } from "../fill.ts";
import { writes } from "../loads.ts";
import { measure } from "../measure.ts";
import { figuresOf } from "../process-figures.ts";
import { GRPC } from "../raw/forms.ts";
import { RawClient } from "../raw/raw-client.ts";
import { startTrellis } from "../trellis/start-trellis.ts";
import { TrellisCalls } from "../trellis/trellis-calls.ts";
import { openWatchers } from "../watchers.ts";
import { cpuUs } from "./compared.ts";
import type { Measured, MeasurePart, ScaleContext } from "./context.ts";
import { type Figure, whole } from "./figure.ts";
import type { Times } from "./times.ts";
import { openEach } from "./watch-each.ts";

/** What one service takes (`MAX_WATCHES`), those of its own controllers among them. A connection takes 1,000 (`--max-streams`): half of that are on each. */
const WATCHERS = 10_000;
const WATCHES_OF_A_CONNECTION = 500;
const WRITE_CONNECTIONS = 8;
const SHAPES: readonly { readonly shape: Shape; readonly name: string }[] = [
  { shape: "standalone", name: "standalone" },
  { shape: "gateway", name: "gateway and storage node" },
];
/** Who changes the one resource that all watch; and who writes when each watches another. */
const CHANGERS = 4;
const WRITERS = 64;

/** Ten thousand watches of one client machine, of one resource and each of its own, in both shapes. */
export const measureWatchers: MeasurePart = async (context) => {
  const figures: Figure[] = [];
  const failures: string[] = [];
  for (const { shape, name } of SHAPES) {
    const found = await measureShape(context, shape, name);
    figures.push(...found.figures);
    failures.push(...found.failures);
  }
  return { figures, failures };
};

/** What one shape is measured with. */
interface Setting {
  readonly deployment: Deployment;
  readonly name: string;
  /** Watches that are asked for. */
  readonly wanted: number;
  readonly times: Times;
  readonly data: Dataset;
  /** On connections that have no watches. */
  readonly calls: TrellisCalls;
}

async function measureShape(
  { directory, resources, times, tell }: ScaleContext,
  shape: Shape,
  name: string,
): Promise<Measured> {
  const wanted = Math.min(WATCHERS, resources);
  const below = join(directory, `watchers-${shape}`);
  mkdirSync(below, { recursive: true });
  tell(`watchers: starts ${name}`);
  const deployment = await startTrellis[shape](below);
  try {
    const data = new Dataset(wanted);
    const client = await RawClient.open(deployment.url, WRITE_CONNECTIONS);
    const calls = new TrellisCalls(client, data, GRPC);
    await fill(calls, wanted);
    const setting = { deployment, name, wanted, times, data, calls };
    const alone = await measureWrites(setting, "without watches");
    tell(`watchers: ${whole(wanted)} of one resource, ${name}`);
    const one = await watchOne(setting);
    tell(`watchers: ${whole(wanted)} each of a resource of its own, ${name}`);
    const each = await watchEach(setting, alone);
    client.close();
    return { figures: [...one.figures, ...each.figures], failures: [...one.failures, ...each.failures] };
  } finally {
    await deployment.stop();
  }
}

async function watchOne({ deployment, name, wanted, times, data, calls }: Setting): Promise<Measured> {
  const before = await settledBytes(deployment, times);
  const client = await openForWatches(deployment, wanted);
  try {
    const startedMs = performance.now();
    const watching = new TrellisCalls(client, data, GRPC);
    const watchers = await openWatchers(watching, { count: wanted, item: 0, mayRefuse: true });
    const { count } = watchers;
    const openedMs = performance.now() - startedMs;
    const after = await settledBytes(deployment, times);
    const measured = await measure(
      {
        callers: CHANGERS,
        async call(caller) {
          const delivered = watchers.next();
          await Promise.all([calls.write(caller, 0), delivered]);
          return count;
        },
      },
      { scenario: `watchers, ${name}`, processes: deployment.processes(), ...timing(times) },
    );
    const what = `${whole(count)} watches of one resource, ${name}`;
    const of = Object.entries(measured.cpuUsPerOp ?? {}).map(
      ([process, us]) => `${process} ${us.toFixed(2)}`,
    );
    const figures: Figure[] = [
      {
        what: `${what}: opened within`,
        value: openedMs / 1_000,
        unit: "s",
        note: count === wanted ? "" : `${whole(wanted - count)} of ${whole(wanted)} were refused`,
      },
      { what: `${what}: events`, value: measured.opsPerSecond, unit: "/s", note: latencyNote(measured) },
      { what: `${what}: CPU for an event`, value: cpuUs(measured), unit: "µs", note: of.join(", ") },
      { what: `${what}: memory for a watch`, ...bytesOf({ before, after, count }) },
    ];
    watchers.close();
    return { figures, failures: errorsOf(what, measured.errors) };
  } finally {
    client.close();
  }
}

async function watchEach(setting: Setting, alone: { readonly us: number }): Promise<Measured> {
  const { deployment, name, wanted, data } = setting;
  const client = await openForWatches(deployment, wanted);
  try {
    const watches = await openEach(new TrellisCalls(client, data, GRPC), { count: wanted, data });
    const { count } = watches;
    const { us, perSecond, operations, errors } = await measureWrites(setting, "each watched");
    const what = `${whole(count)} watches, each of its own resource, ${name}`;
    const missing = await watches.missing();
    const figures: Figure[] = [
      {
        what: `${what}: CPU for a write and its event`,
        value: us,
        unit: "µs",
        note: `${alone.us.toFixed(1)} µs for a write before there were watches`,
      },
      {
        what: `${what}: writes and events`,
        value: perSecond,
        unit: "/s",
        note: `${whole(operations)} writes`,
      },
    ];
    watches.close();
    const failures = missing === 0 ? [] : [`${what}: ${missing} watches never showed the newest version`];
    return { figures, failures: [...failures, ...errorsOf(what, errors)] };
  } finally {
    client.close();
  }
}

async function measureWrites({ deployment, name, data, calls, times }: Setting, what: string) {
  const load = await writes("update")({ calls, data, clients: WRITERS });
  const measured = await measure(load, {
    scenario: `writes ${what}, ${name}`,
    processes: deployment.processes(),
    ...timing(times),
  });
  const { opsPerSecond, operations, errors } = measured;
  return { us: cpuUs(measured), perSecond: opsPerSecond, operations, errors };
}

function timing({ watchSeconds, firstWarmUpSeconds }: Times) {
  return { seconds: watchSeconds, warmUpSeconds: firstWarmUpSeconds };
}

async function openForWatches({ url }: Deployment, count: number): Promise<RawClient> {
  return await RawClient.open(url, Math.ceil(count / WATCHES_OF_A_CONNECTION));
}

/** Resident memory of each process of a deployment that has had nothing to do for a moment. */
async function settledBytes(
  deployment: Deployment,
  { settleMs }: Times,
): Promise<ReadonlyMap<string, number>> {
  await sleep(settleMs);
  const figures = figuresOf(deployment.processes());
  if (figures === undefined) throw new BenchError("expected /proc for the memory of processes, found none");
  return new Map(figures.map(({ name, residentBytes }) => [name, residentBytes]));
}

function bytesOf({
  before,
  after,
  count,
}: {
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
  readonly count: number;
}): Pick<Figure, "value" | "unit" | "note"> {
  const each = [...after].map(([name, bytes]) => [name, (bytes - (before.get(name) ?? 0)) / count] as const);
  return {
    value: each.reduce((sum, [, bytes]) => sum + bytes, 0),
    unit: "bytes",
    note: each.map(([name, bytes]) => `${name} ${whole(bytes)}`).join(", "),
  };
}

function latencyNote({ p50Ms, p99Ms, generatorBusy }: Awaited<ReturnType<typeof measure>>): string {
  return `delivered to all within ${p50Ms.toFixed(0)} ms (p99 ${p99Ms.toFixed(0)}), generator ${Math.round(generatorBusy * 100)} % of a core`;
}

function errorsOf(what: string, errors: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(errors).map(([code, count]) => `${what}: ${count} calls failed with ${code}`);
}
