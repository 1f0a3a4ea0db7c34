import { setTimeout } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { eventually, type RunningProgram, startProgram } from "./test-support/program.ts";
import { type Signatures, watchSignatures } from "./test-support/signatures.ts";

const TAKEN = /"lease":"controller-signing".*"msg":"lease taken"/;
/** A holder that died: its lease lasts four seconds after it was last seen renewed. */
const DEAD_HANDOVER_MS = 5_000;
/** A holder that stopped hands its lease back. */
const CLEAN_HANDOVER_MS = 1_000;

let running: RunningProgram[] = [];
let server: string;
let signatures: Signatures;
beforeEach(async () => {
  const gateway = startProgram("gateway", [
    "--listen",
    "127.0.0.1:0",
    "--domain",
    "./examples/hello-controller",
  ]);
  running.push(gateway);
  server = await gateway.url();
  signatures = await watchSignatures(server);
  await fetch(`${server}/api/hello/v1/greeting/ada`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { to: "ada", language: "fr" } }),
  });
});
afterEach(async () => {
  signatures.close();
  await Promise.all(running.map((one) => one.end()));
  running = [];
});

function startManager(identity: string): RunningProgram {
  const domain = ["--domain", "./apps/controller-manager/src/test-support/signing.ts"];
  const flags = ["--listen", "127.0.0.1:0", "--server", server, "--identity", identity, ...domain];
  const manager = startProgram("controller-manager", flags);
  running.push(manager);
  return manager;
}

/** Two managers of one controller; `holder` runs it. */
async function startPair(): Promise<{ readonly holder: RunningProgram; readonly standby: RunningProgram }> {
  const holder = startManager("holder");
  await holder.seen(TAKEN);
  const standby = startManager("standby");
  await standby.seen(/controllers are standing by: signing runs at holder/);
  await signatures.firstMs("holder", 0);
  return { holder, standby };
}

/** Who signed, without repetitions. */
function order(): string[] {
  return signatures.by.filter((name, at) => name !== signatures.by[at - 1]);
}

interface LeaseJson {
  readonly data: { readonly holderName?: string; readonly transitions?: string };
}

async function lease(): Promise<LeaseJson["data"]> {
  const answer = await fetch(`${server}/api/coordination/v1/lease/controller-signing`);
  return ((await answer.json()) as LeaseJson).data;
}

async function readiness(manager: RunningProgram): Promise<unknown> {
  return await (await fetch(`${await manager.url()}/readyz`)).json();
}

describe("two managers of one controller", () => {
  it("hand it over within five seconds when the one that ran it is killed", async () => {
    const { holder } = await startPair();
    const killedMs = performance.now();
    holder.signal("SIGKILL");
    const tookMs = (await signatures.firstMs("standby", killedMs)) - killedMs;
    process.stdout.write(`  handed over ${Math.round(tookMs)} ms after kill -9\n`);
    expect(tookMs).toBeLessThan(DEAD_HANDOVER_MS);
    expect(order()).toEqual(["holder", "standby"]);
    expect(await lease()).toMatchObject({ holderName: "standby", transitions: "2" });
  });

  it("hand it over within a second when the one that ran it is asked to stop", async () => {
    const { holder } = await startPair();
    const askedMs = performance.now();
    holder.signal("SIGTERM");
    const tookMs = (await signatures.firstMs("standby", askedMs)) - askedMs;
    process.stdout.write(`  handed over ${Math.round(tookMs)} ms after SIGTERM\n`);
    expect(tookMs).toBeLessThan(CLEAN_HANDOVER_MS);
    expect(await holder.ended).toBe(0);
    await holder.seen(/lease handed back/);
    expect(order()).toEqual(["holder", "standby"]);
  });

  it("are never both at it when the one that ran it sleeps and wakes", async () => {
    const { holder, standby } = await startPair();
    const sleptMs = performance.now();
    holder.signal("SIGSTOP");
    await signatures.firstMs("standby", sleptMs);
    // The sleep is what is tested: nothing happens at its end that could be waited for.
    await setTimeout(Math.max(0, sleptMs + 8_000 - performance.now()));
    holder.signal("SIGCONT");
    await holder.seen(/lease lost/);
    await eventually(async () => {
      const { remarks } = (await readiness(holder)) as { remarks?: unknown };
      return remarks;
    });
    const wokeMs = performance.now();
    await signatures.firstMs("standby", wokeMs);
    expect(order()).toEqual(["holder", "standby"]);
    expect(await lease()).toMatchObject({ holderName: "standby", transitions: "2" });
    expect(await readiness(holder)).toEqual({
      status: "ready",
      remarks: [{ part: "controllers", remark: "standing by: signing runs at standby" }],
    });
    expect(await readiness(standby)).toEqual({ status: "ready" });
  });
});

describe("a manager's identity", () => {
  it("is what others know it by, the host's name and some letters when nobody gives it one", async () => {
    const domain = ["--domain", "./examples/hello-controller"];
    const manager = startProgram("controller-manager", [
      "--listen",
      "127.0.0.1:0",
      "--server",
      server,
      ...domain,
    ]);
    running.push(manager);
    const [, identity = ""] = await manager.seen(/"identity":"([^"]+)"/);
    expect(identity).toMatch(/-[0-9a-f]{6}$/);
  });
});
