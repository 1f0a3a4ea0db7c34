import { systemClock } from "@trellis/resource";

import { type ClusterProcess, clusterProcesses, type Kind } from "../cluster/cluster-shape.ts";
import { isReady } from "../cluster/ready.ts";
import { freeClusterPorts } from "../cluster/running-cluster.ts";
import { secretIn } from "../cluster/secret-file.ts";
import { startProcess } from "../cluster/start-process.ts";
import { Supervisor } from "../cluster/supervisor.ts";

/** How long the processes of one kind are left alone before those of the next are started. */
const ALONE_MS = 1_500;
const LOOK_EVERY_MS = 100;
const READY_MS = 60_000;

/** How a cluster came up. */
export interface ComingUp {
  /** From the start of the last process until all were ready. */
  readonly readyAfterMs: number;
  /** What each process that had to wait said of it, one thing after the other. */
  readonly waits: ReadonlyMap<string, readonly string[]>;
}

/**
 * Starts a cluster in an empty directory, one kind of process after the other, and waits until all are ready. Throws when one is not in time, when one ends, or
 * when one that is not ready does not say what it waits for.
 */
export async function startInOrder(order: readonly Kind[], directory: string): Promise<ComingUp> {
  const ports = await freeClusterPorts();
  const domains = ["@trellis/demo"];
  const processes = clusterProcesses({ dataDir: directory, ports, domains, secretFile: secretIn(directory) });
  const logs = new Map<string, string>();
  const ended: string[] = [];
  const supervisor = new Supervisor(
    {
      clock: systemClock,
      start: (process) =>
        startProcess(process, (text) => logs.set(process.name, (logs.get(process.name) ?? "") + text)),
      tell: ({ name }, what) => void (what !== "stopped" && ended.push(`${name} ${what}`)),
    },
    { restart: false },
  );
  const waits = new Map<string, string[]>();
  const started: ClusterProcess[] = [];
  try {
    let lastAtMs = 0;
    for (const kind of order) {
      const next = processes.filter((process) => process.kind === kind);
      for (const process of next) supervisor.start(process);
      started.push(...next);
      lastAtMs = performance.now();
      for (const untilMs = lastAtMs + ALONE_MS; performance.now() < untilMs;) await look(started, waits);
    }
    for (const untilMs = performance.now() + READY_MS; !(await look(started, waits));) {
      if (performance.now() > untilMs) throw new Error(`not ready: ${describe(waits)}`);
      if (ended.length > 0) throw new Error(`${ended.join(", ")}:\n${[...logs.values()].join("\n")}`);
    }
    return { readyAfterMs: performance.now() - lastAtMs, waits };
  } finally {
    await supervisor.stop();
  }
}

/** Asks all whether they are ready, and notes what those say that are not; true when all are. */
async function look(processes: readonly ClusterProcess[], waits: Map<string, string[]>): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  const answers = await Promise.all(
    processes.map(async (process) => {
      const said = await whatItWaitsFor(process);
      if (said !== undefined) note(waits, process.name, said);
      return said === undefined && (await isReady(process));
    }),
  );
  return answers.every(Boolean);
}

/** What a process that answers and is not ready says; undefined for one that is, or does not answer yet. */
async function whatItWaitsFor({ name, url }: ClusterProcess): Promise<string | undefined> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}/readyz`);
    text = await response.text();
  } catch {
    return undefined;
  }
  if (response.ok) return undefined;
  if (!/wait|being made|being started/.test(text))
    throw new Error(`${name} is not ready, and does not say what it waits for: ${text}`);
  return text.trim();
}

function note(waits: Map<string, string[]>, name: string, said: string): void {
  const before = waits.get(name) ?? [];
  if (before.at(-1) !== said) waits.set(name, [...before, said]);
}

function describe(waits: ReadonlyMap<string, readonly string[]>): string {
  return [...waits].map(([name, said]) => `${name}: ${said.at(-1)}`).join("; ");
}
