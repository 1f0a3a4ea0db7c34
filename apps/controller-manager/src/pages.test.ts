import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { eventually, type RunningProgram, startProgram } from "./test-support/program.ts";

const HELLO = ["--domain", "./examples/hello-controller"];
const FREE_PORT = ["--listen", "127.0.0.1:0"];

let running: RunningProgram[] = [];
let server: string;
beforeEach(async () => {
  server = await start("gateway", [...FREE_PORT, ...HELLO]).url();
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

async function startManager(identity: string): Promise<RunningProgram> {
  const flags = [...FREE_PORT, "--server", server, "--identity", identity, ...HELLO];
  const manager = start("controller-manager", flags);
  await manager.seen(/controllers are (running|standing by)/);
  return manager;
}

async function page(manager: RunningProgram, path: string): Promise<Response> {
  return await fetch(`${await manager.url()}${path}`);
}

describe("a manager's pages", () => {
  it("tell how its controllers are doing", async () => {
    const manager = await startManager("one");
    const url = `${server}/api/hello/v1/greeting/ada`;
    const body = JSON.stringify({ data: { to: "ada", language: "en" } });
    await fetch(url, { method: "PUT", headers: { "content-type": "application/json" }, body });
    const controllers = await eventually(async () => {
      const { controllers: all } = (await (await page(manager, "/controllers")).json()) as {
        readonly controllers: readonly { readonly reconciles: number }[];
      };
      return (all[0]?.reconciles ?? 0) > 0 ? all : undefined;
    });
    expect(controllers).toEqual([
      expect.objectContaining({
        name: "hello",
        state: "running",
        type: "hello.v1.Greeting",
        failures: 0,
        hung: 0,
      }),
    ]);
  });

  it("tell who else runs a controller", async () => {
    await startManager("one");
    const other = await startManager("two");
    expect(await (await page(other, "/controllers")).json()).toEqual({
      controllers: [expect.objectContaining({ name: "hello", state: "standby", holder: "one" })],
    });
  });

  it("draw the types, and refuse what they do not have", async () => {
    const manager = await startManager("one");
    expect(await (await page(manager, "/graph")).text()).toBe("flowchart TD\n  hello/v1/greeting\n");
    const refused = await page(manager, "/graph?format=xml");
    expect([refused.status, await refused.json()]).toEqual([
      400,
      expect.objectContaining({ detail: "/graph takes format=mermaid or json; found format=xml" }),
    ]);
    expect(await (await page(manager, "/events")).json()).toEqual({ events: expect.any(Array) });
  });
});
