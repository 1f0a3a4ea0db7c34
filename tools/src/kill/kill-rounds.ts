import { createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { type ServerProcess, startStandalone } from "@trellis/testkit";

import { albumId, type BenchClient } from "../bench/albums.ts";
import { changeOf, Ledger } from "./ledger.ts";
import { ResumedWatcher } from "./watcher.ts";
import { change, listAll, Writer } from "./writers.ts";

/** Written by nobody but the rounds, once in each: whoever has seen it has seen what was before. */
const MARKER = 1_000_000;
const WATCHERS = 2;
/** How long a watch may take to show what has happened, on a busy machine. */
const SEE_MS = 60_000;
/** How long a call may take. */
const CALL_MS = 60_000;
/** Writes acknowledged in a round before the kill, and how long it waits at most after them. */
const MIN_WRITES = 50;
const MAX_MORE_MS = 200;
const LOOK_MS = 2;

/** What is to be done. */
export interface KillOptions {
  readonly directory: string;
  readonly times: number;
  readonly writers: number;
  /** Uniform in [0, 1): when a round ends. */
  readonly random: () => number;
  /** Told after each kill. */
  readonly tell?: (outcome: KillOutcome) => void;
}

/** What became of it. */
export interface KillOutcome {
  readonly kills: number;
  readonly acknowledged: number;
  /** Writes that a kill left without an answer. */
  readonly unanswered: number;
  /** Watches that had to begin anew because a snapshot was made meanwhile. */
  readonly restartedWatches: number;
  readonly findings: readonly string[];
}

/**
 * Kills a standalone server under load, again and again, each time starting it on what it left: everything that it acknowledged is there, nothing
 * twice, versions grow, and resumed watches show each change once.
 */
export async function killRepeatedly(options: KillOptions): Promise<KillOutcome> {
  const ledger = new Ledger();
  const watchers = Array.from(
    { length: WATCHERS },
    (_, number) => new ResumedWatcher(`watcher ${number + 1}`),
  );
  const writers = Array.from({ length: options.writers }, (_, number) => new Writer(ledger, number));
  const parts = { ledger, watchers, writers, options };
  const outcome = (kills: number): KillOutcome => ({
    kills,
    acknowledged: ledger.acknowledged,
    unanswered: ledger.unanswered,
    restartedWatches: watchers.reduce((sum, { restarts }) => sum + restarts, 0),
    findings: [...ledger.findings, ...watchers.flatMap(({ findings }) => findings)],
  });
  for (let round = 1; round <= options.times; round++) {
    await runRound(parts, round, true);
    options.tell?.(outcome(round));
  }
  // What the last kill left.
  await runRound(parts, options.times + 1, false);
  return outcome(options.times);
}

interface RoundParts {
  readonly ledger: Ledger;
  readonly watchers: readonly ResumedWatcher[];
  readonly writers: readonly Writer[];
  readonly options: KillOptions;
}

async function runRound(parts: RoundParts, round: number, isKilled: boolean): Promise<void> {
  const { ledger, watchers, writers, options } = parts;
  const server = await startStandalone({
    domains: ["@trellis/demo"],
    flags: ["--data-dir", options.directory],
  });
  const { client, close } = connect(server.url);
  const stop = new AbortController();
  const watching = watchers.map((watcher) => watcher.watch(client, stop.signal));
  try {
    const { found, version } = await listAll(client);
    ledger.noteStore(version);
    ledger.settle(found);
    await compareWatches(parts, client, round);
    if (!isKilled) return;
    let isOver = false;
    const working = writers.map((writer) => writer.work(client, () => isOver));
    await enoughWrites(ledger, options.random, server);
    process.kill(server.pid, "SIGKILL");
    isOver = true;
    await Promise.all(working);
  } finally {
    stop.abort();
    await server.stop();
    close();
    await Promise.all(watching);
  }
}

/** Writes the marker, waits until all watches show it, and holds what they showed before it against what has happened. */
async function compareWatches(
  { ledger, watchers }: RoundParts,
  client: BenchClient,
  round: number,
): Promise<void> {
  // Never a deletion: those are of every seventh revision.
  if (!(await change(client, ledger, MARKER, round * 7 + 1)))
    throw new Error(`the marker could not be written: ${ledger.findings.at(-1) ?? "no answer"}`);
  const { name } = albumId(MARKER);
  const marker = changeOf("put", name, ledger.find(name)?.version ?? 0);
  await Promise.all(watchers.map((watcher) => watcher.until(marker, SEE_MS)));
  const changes = ledger.takeChanges();
  for (const watcher of watchers) watcher.compare(changes);
}

async function enoughWrites(ledger: Ledger, random: () => number, server: ServerProcess): Promise<void> {
  const target = ledger.acknowledged + MIN_WRITES;
  for (const untilMs = performance.now() + CALL_MS; ledger.acknowledged < target;) {
    if (performance.now() > untilMs) throw new Error(`the server writes nothing: ${server.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  await new Promise((resolve) => setTimeout(resolve, random() * MAX_MORE_MS));
}

function connect(url: string): { readonly client: BenchClient; readonly close: () => void } {
  const sessionManager = new Http2SessionManager(url);
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "2",
    defaultTimeoutMs: CALL_MS,
    sessionManager,
  });
  return { client: createClient(ResourceService, transport), close: () => sessionManager.abort() };
}
