import { spawn } from "node:child_process";
import { join } from "node:path";

import type { ServerProcess } from "@trellis/testkit";
import { openHeapProbe } from "./heap.ts";
import type { Protocol } from "./protocols.ts";
import { createChoices } from "./random.ts";
import { createSender, type Answer, type Sender } from "./sender.ts";

/** Requests under way at once. */
const CONCURRENCY = 8;
/** How many requests warm the server up before its heap is first looked at: a fifth, 2,000 of 10,000. */
const WARM_SHARE = 0.2;
/** How long connections that were cut may take to be noticed. */
const SETTLE_MS = 1_500;

/** What a run over one protocol found. */
export interface FuzzResult {
  readonly protocol: string;
  readonly requests: number;
  readonly seconds: number;
  /** How often each HTTP status came; `none` for connections that ended and clients that went away. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answers in which the server blames itself. None is right. */
  readonly internal: readonly string[];
  readonly hung: number;
  /** Heap at the end divided by heap after the warm-up. */
  readonly heapRatio: number;
  readonly heapBytes: number;
  readonly probeP99Ms: number;
  readonly probeFailures: number;
  /** Open sockets at the end minus at the beginning. */
  readonly socketsLeft: number;
}

/** Sends `requests` hostile requests over one protocol, with a reading client beside them. */
export async function fuzzProtocol(
  server: ServerProcess,
  protocol: Protocol,
  options: { readonly requests: number; readonly seed: number },
): Promise<FuzzResult> {
  const socketsBefore = server.openSockets() ?? 0;
  const heap = await openHeapProbe(server.inspectorUrl ?? "");
  const sender = createSender(server.url);
  const startedMs = performance.now();
  const choices = createChoices(options.seed);
  const tally = createTally();
  const send = (count: number): Promise<void> =>
    sendMany(sender, protocol, choices, count, (answer) => tally.note(answer));

  const warm = Math.floor(options.requests * WARM_SHARE);
  await send(warm);
  const heapWarm = await heap.usedAfterCollection();
  const probe = startProbe(server.url);
  await send(options.requests - warm);
  const { p99Ms, failures } = await probe.stop();
  sender.close();
  const seconds = (performance.now() - startedMs) / 1_000;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const heapEnd = await heap.usedAfterCollection();
  heap.close();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return {
    protocol: protocol.name,
    requests: options.requests,
    seconds,
    ...tally.result(),
    heapRatio: heapEnd / heapWarm,
    heapBytes: heapEnd,
    probeP99Ms: p99Ms,
    probeFailures: failures,
    socketsLeft: (server.openSockets() ?? 0) - socketsBefore,
  };
}

async function sendMany(
  sender: Sender,
  protocol: Protocol,
  choices: ReturnType<typeof createChoices>,
  count: number,
  note: (answer: Answer) => void,
): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      note(await sender.send(protocol.request(choices)));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** At most this many answers that blame the server are kept to show. */
const MAX_SHOWN = 5;

function createTally() {
  const statuses: Record<string, number> = {};
  const internal: string[] = [];
  let hung = 0;
  return {
    note(answer: Answer): void {
      const key = answer.status === undefined ? "none" : String(answer.status);
      statuses[key] = (statuses[key] ?? 0) + 1;
      if (answer.hung) hung += 1;
      if (answer.internal && internal.length < MAX_SHOWN) internal.push(answer.text);
    },
    result: () => ({ statuses, internal, hung }),
  };
}

interface ProbeFigures {
  readonly p99Ms: number;
  readonly failures: number;
}

function startProbe(origin: string): { stop(): Promise<ProbeFigures> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, "probe.ts"), origin], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  return {
    async stop() {
      child.stdin.end();
      await ended;
      return JSON.parse(output) as ProbeFigures;
    },
  };
}
