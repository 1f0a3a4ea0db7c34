import { createServer } from "node:net";

import { afterEach, describe, expect, it } from "@jest/globals";

import { eventually, type RunningProgram, startProgram } from "./test-support/program.ts";

const HELLO = ["--domain", "./examples/hello-controller"];
const FREE_PORT = ["--listen", "127.0.0.1:0"];
/** Well below the grace that requests and reconciles are given. */
const PROMPT_MS = 3_000;

let running: RunningProgram[] = [];
afterEach(async () => {
  await Promise.all(running.map((one) => one.end()));
  running = [];
});

function start(...args: Parameters<typeof startProgram>): RunningProgram {
  const program = startProgram(...args);
  running.push(program);
  return program;
}

function startManager(server: string, ...flags: string[]): RunningProgram {
  return start("controller-manager", [...FREE_PORT, "--server", server, ...HELLO, ...flags]);
}

function startGateway(address: string): RunningProgram {
  return start("gateway", ["--listen", address, ...HELLO]);
}

describe("a controller manager", () => {
  it("works against a server that runs already", async () => {
    const server = await startGateway("127.0.0.1:0").url();
    const manager = startManager(server);
    await manager.seen(/controllers are running/);
    expect(await readiness(manager)).toEqual({ status: 200, body: { status: "ready" } });
    expect(await greeted(server, "ada", "fr")).toBe("Bonjour, ada!");
  });

  it("waits for a server that is not there yet, and says so in its log and in its readiness", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const server = `http://${address}`;
    const manager = startManager(server);
    await manager.seen(new RegExp(`"msg":"waiting for hello\\.v1\\.Greeting from ${server}: .*ECONNREFUSED`));
    expect(await readiness(manager)).toMatchObject({
      status: 503,
      body: {
        status: "waiting",
        waiting: [
          {
            part: "controllers",
            reason: expect.stringMatching(/^waiting for hello\.v1\.Greeting from http/),
          },
        ],
      },
    });
    expect((await fetch(`${await manager.url()}/healthz`)).status).toBe(200);
    await startGateway(address).url();
    await manager.seen(/controllers are running/);
    expect(await readiness(manager)).toMatchObject({ status: 200 });
    expect(await greeted(server, "grace", "en")).toBe("Hello, grace!");
  });

  it("begins anew when the server comes back with another store", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const server = `http://${address}`;
    const first = startGateway(address);
    await first.url();
    const manager = startManager(server);
    await manager.seen(/controllers are running/);
    expect(await greeted(server, "ada", "fr")).toBe("Bonjour, ada!");
    const storeBefore = await storeOf(server);

    first.signal("SIGTERM");
    expect(await first.ended).toBe(0);
    await startGateway(address).url();
    expect(await storeOf(server)).not.toBe(storeBefore);
    // The memory store has forgotten ada; one of the same name is another, and is greeted as well.
    expect(await greeted(server, "ada", "sw")).toBe("Jambo, ada!");
    expect(await readiness(manager)).toMatchObject({ status: 200 });
  });

  it("survives a server that dies without a word", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const server = `http://${address}`;
    const first = startGateway(address);
    await first.url();
    const manager = startManager(server);
    await manager.seen(/controllers are running/);
    await first.end();
    await startGateway(address).url();
    expect(await greeted(server, "ada", "fr")).toBe("Bonjour, ada!");
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends promptly with 0 by %s while it works", async (signal) => {
    const manager = startManager(await startGateway("127.0.0.1:0").url());
    await manager.seen(/controllers are running/);
    await expectPromptEnd(manager, signal);
  });

  it("ends promptly with 0 while it waits", async () => {
    const manager = startManager(`http://127.0.0.1:${await freePort()}`);
    await manager.seen(/waiting for hello/);
    await expectPromptEnd(manager, "SIGTERM");
  });

  it.each([
    [["--server", "nowhere"], /--server: expected a server's URL, as in http:\/\/127.*; found "nowhere"/],
    [["--domain", "./nowhere"], /domain \.\/nowhere does not exist/],
    [
      ["--domain", "./apps/controller-manager/src/test-support/no-controllers.ts"],
      /--domain: expected a domain with controllers; found no controller in any of them/,
    ],
    [[], /--domain: expected a domain with controllers; found none/],
    [
      [...HELLO, "--domain", "./examples/hello-controller/index.ts"],
      /domains \.\/examples\/hello-controller and \.\/\S+index\.ts are the same module: name it once/,
    ],
    [["--listen", "127.0.0.1:99999", ...HELLO], /--listen: expected HOST:PORT/],
    [["--identity", " ", ...HELLO], /--identity: expected a name of 1 to 253 characters; found " "/],
    [["--cluster-secret", "./nowhere", ...HELLO], /.*cluster-secret.*nowhere/],
  ])("refuses %j in one line", async (flags, message) => {
    const manager = start("controller-manager", [...FREE_PORT, "--log-level", "error", ...flags]);
    expect(await manager.ended).toBe(1);
    expect(manager.output()).toMatch(new RegExp(`^trellis-controller-manager: ${message.source}.*\n$`));
  });
});

async function expectPromptEnd(program: RunningProgram, signal: NodeJS.Signals): Promise<void> {
  const startedMs = performance.now();
  program.signal(signal);
  expect(await program.ended).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(PROMPT_MS);
}

async function readiness(manager: RunningProgram): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${await manager.url()}/readyz`);
  return { status: response.status, body: await response.json() };
}

/** Writes a greeting; what its controller made of it, once it has. */
async function greeted(server: string, name: string, language: string): Promise<string | undefined> {
  const url = `${server}/api/hello/v1/greeting/${name}`;
  const written = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { to: name, language } }),
  });
  if (!written.ok) throw new Error(await written.text());
  return await eventually(async () => /"message": ?"([^"]+)"/.exec(await (await fetch(url)).text())?.[1]);
}

async function storeOf(server: string): Promise<string | null> {
  return (await fetch(`${server}/api/hello/v1/greeting`)).headers.get("trellis-store");
}

/** A port that nobody has right now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
