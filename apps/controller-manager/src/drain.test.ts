import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { eventually, type RunningProgram, startProgram } from "./test-support/program.ts";

const SLOW = "./apps/controller-manager/src/test-support/slow.ts";
const FREE_PORT = ["--listen", "127.0.0.1:0"];
/** What 128 and SIGTERM make. */
const TERMINATED = 143;
/** Two signals sooner than this count as one. */
const APART_MS = 600;
/** How long a run that does not end is waited for, and then some. */
const GRACE_MS = 8_000;

let running: RunningProgram[] = [];
let server: string;
let manager: RunningProgram;
beforeEach(async () => {
  const gateway = start("gateway", [...FREE_PORT, "--domain", "./examples/hello-controller"]);
  server = await gateway.url();
  manager = start("controller-manager", [...FREE_PORT, "--server", server, "--domain", SLOW]);
  await manager.seen(/controllers are running/);
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.end()));
  running = [];
});

function start(...args: Parameters<typeof startProgram>): RunningProgram {
  const program = startProgram(...args);
  running.push(program);
  return program;
}

async function greet(name: string): Promise<void> {
  const response = await fetch(`${server}/api/hello/v1/greeting/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { to: name, language: "en" } }),
  });
  expect(response.ok).toBe(true);
}

async function get(path: string): Promise<string> {
  return await (await fetch(`${server}${path}`)).text();
}

describe("a manager that is asked to end", () => {
  it("lets the run under way come to its end, begins no other, hands its leases back, and ends with 0", async () => {
    await greet("ada");
    await manager.seen(/a slow run begins/);
    await greet("grace");
    manager.signal("SIGTERM");
    await manager.seen(/"msg":"stopping"/);
    expect((await fetch(`${await manager.url()}/readyz`)).status).toBe(503);
    expect(await manager.ended).toBe(0);
    expect(manager.output().match(/a slow run begins/g)).toHaveLength(1);
    expect(manager.output()).toMatch(/a slow run ends[^]*lease handed back/);
    expect(await get("/api/hello/v1/greeting/ada")).toContain("done slowly");
    expect(await get("/api/hello/v1/greeting/grace")).not.toContain("done slowly");
  });

  it("hands its leases back all the same when a run does not end in time", async () => {
    await greet("stuck");
    await manager.seen(/a slow run begins/);
    const askedMs = performance.now();
    manager.signal("SIGTERM");
    expect(await manager.ended).toBe(0);
    expect(performance.now() - askedMs).toBeLessThan(GRACE_MS);
    expect(manager.output()).toMatch(/did not end in time[^]*lease handed back/);
  });

  it("ends at once when it is asked again", async () => {
    await greet("stuck");
    await manager.seen(/a slow run begins/);
    manager.signal("SIGTERM");
    await manager.seen(/"msg":"stopping"/);
    const askedMs = performance.now();
    // A signal soon after the first counts as the same: asked until it has effect.
    await eventually(async () => {
      manager.signal("SIGTERM");
      return await Promise.race([
        manager.ended,
        new Promise<undefined>((resolve) => setImmediate(resolve, undefined)),
      ]);
    });
    expect(await manager.ended).toBe(TERMINATED);
    expect(performance.now() - askedMs).toBeLessThan(3 * APART_MS);
  });
});
