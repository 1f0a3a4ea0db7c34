/** One storage node in a process of its own, told what to do over the channel to whoever started it. For tests and figures only. */
import { existsSync, writeFileSync } from "node:fs";

import type { Watch } from "@trellis/storage";

import { LoopDelay } from "./loop-delay.ts";
import type {
  AnswerOf,
  ArgumentOf,
  CallFailure,
  MethodName,
  NodeCall,
  NodeReport,
  ProcessFigures,
} from "./node-wire.ts";
import { RunningNode } from "./running-node.ts";

type Handlers = {
  readonly [Name in MethodName]: (argument: ArgumentOf<Name>) => AnswerOf<Name> | Promise<AnswerOf<Name>>;
};

const loopDelay = new LoopDelay();
const watches = new Map<number, Watch>();
let lastWatch = 0;
let running: RunningNode | undefined;
let reports: NodeReport[] = [];

const handlers: Handlers = {
  async listen(setup) {
    running = await RunningNode.listen(setup, (event) => report({ kind: "event", event }));
    return running.port;
  },
  async form(members) {
    await own().form(members);
    return own().node.status();
  },
  async join(clusterId) {
    await own().join(clusterId);
    return own().node.status();
  },
  status: () => own().node.status(),
  figures,
  takeLoopDelay: () => loopDelay.takeLongestMs(),
  position: () => own().backend.position(),
  openSession: (id) => own().backend.openSession(id),
  submit: ({ request, operations }) => own().backend.submit(request, operations),
  commit: (operations) => own().backend.commit(operations),
  read: ({ key, options }) => own().backend.read(key, options),
  list: ({ query, options }) => own().backend.list(query, options),
  openWatch({ query, since }) {
    const options = since === undefined ? {} : { since: { version: since } };
    watches.set(++lastWatch, own().backend.watch(query, options));
    return lastWatch;
  },
  nextBatch: async (watch) => await watches.get(watch)?.next(),
  closeWatch(watch) {
    watches.get(watch)?.close();
    watches.delete(watch);
  },
  hash: () => own().machine.hashState(),
  takeSnapshot: () => own().node.takeSnapshot(),
  changeMembership: (change) => own().node.changeMembership(change),
  stallLoop,
  holdDisk: () => own().disk.hold(),
  releaseDisk: () => own().disk.release(),
  async stop() {
    await running?.stop();
    // Behind what is said of it.
    setImmediate(() => setImmediate(() => process.exit(0)));
  },
};

process.on("message", (calls: readonly NodeCall[]) => {
  for (const call of calls) void answer(call);
});
// Whoever started it is gone.
process.on("disconnect", () => process.exit(1));

async function answer({ id, method, argument }: NodeCall): Promise<void> {
  try {
    const handler = handlers[method] as (argument: unknown) => unknown;
    report({ kind: "answer", id, answer: await handler(argument) });
  } catch (error) {
    report({ kind: "failure", id, failure: failureOf(error) });
  }
}

/** Says something with whatever else there is to say in this turn. */
function report(one: NodeReport): void {
  if (reports.length === 0) setImmediate(send);
  reports.push(one);
}

function send(): void {
  const all = reports;
  reports = [];
  process.send?.(all);
}

function failureOf(error: unknown): CallFailure {
  const { name = "Error", code, message } = error as { name?: string; code?: unknown; message?: string };
  return { name, code: typeof code === "string" ? code : undefined, message: message ?? String(error) };
}

function own(): RunningNode {
  if (running === undefined) throw new Error("the node does not listen yet");
  return running;
}

function figures(): ProcessFigures {
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    cpuUs: user + system,
    resources: own().machine.served.figures().records,
  };
}

function stallLoop(file: string): void {
  writeFileSync(file, "");
  while (existsSync(file));
}
