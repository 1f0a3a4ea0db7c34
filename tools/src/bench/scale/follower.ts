import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { MemberStatus_State as State } from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import { Operator } from "../../cluster/operator.ts";
import { signalProcess } from "../../process-family.ts";
import { BenchError } from "../bench-error.ts";
import { Dataset } from "../dataset.ts";
import type { Deployment, ServerProcessId } from "../deployment.ts";
import { fill } from "../fill.ts";
import { GRPC } from "../raw/forms.ts";
import { RawClient } from "../raw/raw-client.ts";
import type { Tell } from "../run-bench.ts";
import { startTrellis } from "../trellis/start-trellis.ts";
import { TrellisCalls } from "../trellis/trellis-calls.ts";
import type { MeasurePart } from "./context.ts";
import { type Figure, whole } from "./figure.ts";
import { CONNECTIONS } from "./large-store.ts";
import { failuresOf, type Pace, SteadyLoad } from "./steady-load.ts";

/** Resources in the cluster, and writes that go in while the follower is stopped. */
const STORED = 200_000;
const MISSED = 200_000;
const WRITERS = 64;
const NODES = 3;
/** A member that is behind by no more, under load, has caught up. */
const CAUGHT_UP = 1_000n;
const LOOK_EVERY_MS = 50;
const TELL_EVERY = 20_000;
/** How long the writes, and then catching up, may take. */
const WRITES_MS = 20 * 60_000;
const CATCH_UP_MS = 10 * 60_000;

/** Three nodes under writes, one of which is stopped for a while: how it comes back, and what the others do meanwhile. */
export const measureFollower: MeasurePart = async ({ directory, resources, times: { baseMs }, tell }) => {
  const below = join(directory, "follower");
  mkdirSync(below, { recursive: true });
  tell("follower: starts three storage nodes and a gateway");
  const deployment = await startTrellis.split(below);
  const nodes = deployment.nodes ?? [];
  const all = new Operator(nodes.map(({ url }) => url));
  try {
    const stored = Math.min(STORED, resources);
    const client = await RawClient.open(deployment.url, CONNECTIONS);
    const data = new Dataset(stored);
    const calls = new TrellisCalls(client, data, GRPC);
    tell(`follower: writes ${whole(stored)} resources`);
    await fill(calls, stored);
    await all.healthy(NODES, CATCH_UP_MS);
    const load = new SteadyLoad({
      callers: WRITERS,
      call: async (caller) => calls.write(caller, data.nextItem()).then(() => 1),
    });
    try {
      const behind = await lastFollower(deployment, all);
      // The one that is stopped does not answer.
      const operator = new Operator(nodes.filter(({ name }) => name !== behind.name).map(({ url }) => url));
      const log = join(below, "logs", `${behind.name}.log`);
      const parts = { follower: behind, operator, load, baseMs, tell, log };
      const follower = await leaveBehind(parts, Math.min(MISSED, resources));
      operator.close();
      await load.end();
      const { equal } = await all.ask((asked, options) => asked.checkReplicas({}, options), CATCH_UP_MS);
      return equal ? follower : { ...follower, failures: [...follower.failures, "the replicas differ"] };
    } finally {
      await load.end().catch(() => undefined);
      client.close();
    }
  } finally {
    all.close();
    await deployment.stop();
  }
};

interface Parts {
  readonly follower: ServerProcessId;
  readonly operator: Operator;
  readonly load: SteadyLoad;
  readonly baseMs: number;
  readonly tell: Tell;
  /** The file with the follower's log. */
  readonly log: string;
}

async function leaveBehind(
  { follower: { name, pid }, operator, load, baseMs, tell, log }: Parts,
  missed: number,
) {
  await sleep(baseMs);
  const withAll = load.take();
  tell(`follower: stops ${name} until ${whole(missed)} writes went in`);
  signalProcess(pid, "SIGSTOP");
  let stopped: Pace;
  try {
    stopped = await untilWritten(load, missed, tell);
  } finally {
    signalProcess(pid, "SIGCONT");
  }
  const before = installed(log);
  tell(`follower: ${name} goes on`);
  const caughtUpMs = await untilCaughtUp(operator, name);
  const catching = load.take();
  const bySnapshot = installed(log) > before;
  await sleep(baseMs);
  const afterwards = load.take();
  const pace = (what: string, { perSecond, p99Ms, longestMs }: Pace): Figure => ({
    what,
    value: perSecond,
    unit: "/s",
    note: `p99 ${p99Ms.toFixed(1)} ms, longest ${longestMs.toFixed(0)} ms`,
  });
  const figures: Figure[] = [
    {
      what: `a follower that missed ${whole(stopped.operations)} writes has caught up within`,
      value: caughtUpMs / 1_000,
      unit: "s",
      note: bySnapshot ? "by a snapshot and the log behind it" : "by the log",
    },
    pace("writes with all three", withAll),
    pace("writes while it is stopped", stopped),
    pace("writes while it catches up", catching),
    pace("writes afterwards", afterwards),
  ];
  const stretches = { "with all three": withAll, stopped, "catching up": catching, afterwards };
  const failures = Object.entries(stretches).flatMap(([during, stretch]) => failuresOf(during, stretch));
  return { figures, failures };
}

/** A follower that the gateway does not read from: it reads from the first. */
async function lastFollower(deployment: Deployment, operator: Operator) {
  const { members } = await operator.status();
  const followers = members.filter(({ state }) => state === State.FOLLOWER).map(({ name }) => name);
  const name = followers.toSorted().at(-1);
  const found = deployment.processes().find((process) => process.name === name);
  if (found === undefined) throw new BenchError("expected a follower among the nodes, found none");
  return found;
}

async function untilWritten(load: SteadyLoad, count: number, tell: Tell): Promise<Pace> {
  const untilMs = performance.now() + WRITES_MS;
  let told = 0;
  while (load.operations < count) {
    if (performance.now() > untilMs)
      throw new BenchError(`only ${whole(load.operations)} of ${whole(count)} writes within ${WRITES_MS} ms`);
    if (load.operations - told >= TELL_EVERY) {
      told = load.operations;
      tell(`follower: ${whole(told)} of ${whole(count)} writes`);
    }
    await sleep(LOOK_EVERY_MS);
  }
  return load.take();
}

/** How long it takes from now until a member has what the others have, in milliseconds. */
async function untilCaughtUp(operator: Operator, name: string): Promise<number> {
  const startedMs = performance.now();
  let last = "no answer";
  while (performance.now() - startedMs < CATCH_UP_MS) {
    const members = (await operator.status().catch(() => undefined))?.members ?? [];
    const member = members.find((one) => one.name === name);
    const applied = members.reduce(
      (most, { appliedIndex }) => (appliedIndex > most ? appliedIndex : most),
      0n,
    );
    const isThere = member !== undefined && member.state !== State.UNREACHABLE && member.appliedIndex > 0n;
    if (isThere) last = `behind by ${applied - member.appliedIndex}`;
    if (isThere && applied - member.appliedIndex <= CAUGHT_UP) return performance.now() - startedMs;
    await sleep(LOOK_EVERY_MS);
  }
  throw new BenchError(`${name} had not caught up ${CATCH_UP_MS} ms after it went on: ${last}`);
}

/** How often a node has taken in a snapshot, by its log. */
function installed(log: string): number {
  return readFileSync(log, "utf8").split('"kind":"snapshot-installed"').length - 1;
}
