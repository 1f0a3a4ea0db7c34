import { setTimeout } from "node:timers/promises";

import type { ServerProcess } from "@trellis/testkit";

import { openHeapProbe } from "./heap.ts";
import type { Protocol } from "./protocols.ts";
import { type Choices, createChoices } from "./random.ts";
import { type ProbeFigures, startProbe } from "./run-probe.ts";
import { createSender, type Sender } from "./sender.ts";
import { type AnswerCounts, createTally, type Tally } from "./tally.ts";

/** How long the reader is alone before the rest of the requests. */
const IDLE_MS = 1_500;
/** Requests under way at once. */
const CONCURRENCY = 8;
/** How many requests warm the server up before its heap is first looked at: a fifth, 2,000 of 10,000. */
const WARM_SHARE = 0.2;
/** How long the server may take to notice that all clients are gone. */
const SOCKETS_TIMEOUT_MS = 15_000;
const SOCKETS_INTERVAL_MS = 100;
/** How many looks in a row must agree before sockets count as settled. */
const SETTLED_LOOKS = 10;

/** What a run over one protocol found. */
export interface FuzzResult extends AnswerCounts {
  readonly protocol: string;
  readonly requests: number;
  readonly seconds: number;
  /** Heap at the end divided by heap after the warm-up, both after a forced collection. */
  readonly heapRatio: number;
  readonly heapBytes: number;
  readonly probe: ProbeFigures;
  /** The same reader with nobody beside it: what the machine alone adds. */
  readonly idleProbe: ProbeFigures;
  /** Open sockets at the end minus at the beginning. */
  readonly socketsLeft: number;
  /** What the server logged as an error, or Node warned of, meanwhile. */
  readonly complaints: readonly string[];
}

/** Sends `requests` hostile requests over one protocol, with a reading client beside them. */
export async function fuzzProtocol(
  server: ServerProcess,
  protocol: Protocol,
  options: { readonly requests: number; readonly seed: number },
): Promise<FuzzResult> {
  const socketsBefore = await settledSockets(server);
  const logBefore = server.stderr().length;
  const heap = await openHeapProbe(server.inspectorUrl ?? "");
  const sender = createSender(server.url);
  const startedMs = performance.now();
  const choices = createChoices(options.seed);
  const tally = createTally();
  let sent = 0;
  const send = async (until: number): Promise<void> => {
    await sendMany({
      sender,
      protocol,
      choices,
      tally,
      next: () => (sent < until ? (sent += 1) : undefined),
    });
  };

  await send(Math.floor(options.requests * WARM_SHARE));
  const heapWarm = await heap.usedAfterCollection();
  const idleProbe = await readAlone(server.url);
  const probe = await startProbe(server.url);
  await send(options.requests);
  const figures = await probe.stop();
  const seconds = (performance.now() - startedMs) / 1_000;
  sender.close();
  const inspectorSockets = 1;
  await socketsBelow(server, socketsBefore + inspectorSockets);
  const heapEnd = await heap.usedAfterCollection();
  heap.close();
  const socketsLeft = (await socketsBelow(server, socketsBefore)) - socketsBefore;
  return {
    protocol: protocol.name,
    requests: options.requests,
    seconds,
    ...tally.counts(),
    heapRatio: heapEnd / heapWarm,
    heapBytes: heapEnd,
    probe: figures,
    idleProbe,
    socketsLeft,
    complaints: complaintsIn(server.stderr().slice(logBefore)),
  };
}

async function readAlone(origin: string): Promise<ProbeFigures> {
  const probe = await startProbe(origin);
  await setTimeout(IDLE_MS);
  return await probe.stop();
}

interface Sending {
  readonly sender: Sender;
  readonly protocol: Protocol;
  readonly choices: Choices;
  readonly tally: Tally;
  /** The number of the next request, until there are enough. */
  readonly next: () => number | undefined;
}

/** Requests are made in the order of their numbers, whoever sends them: the seed alone says what request 17 is. */
async function sendMany({ sender, protocol, choices, tally, next }: Sending): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let number = next(); number !== undefined; number = next()) {
      const request = protocol.request(choices);
      tally.note(number, request, await sender.send(request));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** How many sockets the server has once that does not change any more: what started it may still hold one. */
async function settledSockets(server: ServerProcess): Promise<number> {
  let count = server.openSockets() ?? 0;
  const endsMs = performance.now() + SOCKETS_TIMEOUT_MS;
  for (let same = 0; same < SETTLED_LOOKS && performance.now() < endsMs;) {
    await setTimeout(SOCKETS_INTERVAL_MS);
    const now = server.openSockets() ?? 0;
    same = now === count ? same + 1 : 0;
    count = now;
  }
  return count;
}

/** Waits until the server has no more sockets than that; how many it has then, or at the end of the patience. */
async function socketsBelow(server: ServerProcess, most: number): Promise<number> {
  const endsMs = performance.now() + SOCKETS_TIMEOUT_MS;
  let count = server.openSockets() ?? 0;
  while (count > most && performance.now() < endsMs) {
    await setTimeout(SOCKETS_INTERVAL_MS);
    count = server.openSockets() ?? 0;
  }
  return count;
}

function complaintsIn(log: string): readonly string[] {
  const lines = log
    .split("\n")
    .filter((line) => /"level":"(error|fatal)"|^\(node:\d+\) .*Warning/.test(line));
  return [...new Set(lines.map((line) => line.replace(/^\(node:\d+\) /, "")))];
}
