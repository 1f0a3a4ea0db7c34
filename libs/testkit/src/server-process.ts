import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";

import { cpuMicrosecondsOf, openSocketsOf, residentBytesOf } from "./process-figures.ts";
import { repositoryRoot } from "./program.ts";

/** How long a server may take to answer its readiness probe. */
const START_TIMEOUT_MS = 30_000;

/** A server under test, in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Where the inspector listens, when it was asked for. */
  readonly inspectorUrl: string | undefined;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** User and system time so far, in microseconds; undefined where /proc is missing. */
  cpuMicroseconds(): number | undefined;
  /** Resident memory in bytes; undefined where /proc is missing. */
  residentBytes(): number | undefined;
  /** Open sockets, listening ones included; undefined where /proc is missing. */
  openSockets(): number | undefined;
  /** Asks it to stop and waits; the exit code. */
  stop(): Promise<number>;
}

/** How to start a gateway. */
export interface GatewayOptions {
  readonly domains: readonly string[];
  /** More flags of the gateway. */
  readonly flags?: readonly string[];
  /** Opens Node's inspector on the loopback. */
  readonly inspect?: boolean;
}

/** How to start a standalone server. */
export interface StandaloneOptions {
  readonly domains: readonly string[];
  readonly flags?: readonly string[];
}

/** Starts a gateway on the memory backend, on a free port of the loopback, and waits until it is ready. */
export function startGateway({
  domains,
  flags = [],
  inspect = false,
}: GatewayOptions): Promise<ServerProcess> {
  const args = ["--backend", "memory:", "--log-level", "warn", ...domainFlags(domains), ...flags];
  return startServer("apps/gateway/bin/trellis-gateway.js", args, inspect);
}

/** Starts all parts in one process, on a free port of the loopback, and waits until it is ready. */
export function startStandalone({ domains, flags = [] }: StandaloneOptions): Promise<ServerProcess> {
  return startServer("apps/standalone/bin/trellis-standalone.js", [...domainFlags(domains), ...flags], false);
}

function domainFlags(domains: readonly string[]): string[] {
  return domains.flatMap((domain) => ["--domain", domain]);
}

async function startServer(bin: string, args: readonly string[], inspect: boolean): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    [
      ...(inspect ? ["--inspect=127.0.0.1:0"] : []),
      join(repositoryRoot, bin),
      "--listen",
      `127.0.0.1:${port}`,
      ...args,
    ],
    // Jest's own flags are not meant for the server under test.
    { cwd: repositoryRoot, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_OPTIONS: "" } },
  );
  const printed = collectOutput(child);
  const exited = new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${bin} did not start`);
  await waitUntilReady(url, () =>
    child.exitCode === null ? undefined : `it exited with code ${child.exitCode}: ${printed.stderr()}`,
  );
  return {
    url,
    pid,
    inspectorUrl: /Debugger listening on (ws:\S+)/.exec(printed.stderr())?.[1],
    ...printed,
    cpuMicroseconds: () => cpuMicrosecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    openSockets: () => openSocketsOf(pid),
    async stop() {
      child.kill("SIGTERM");
      return await exited;
    },
  };
}

function collectOutput(child: ChildProcess): { stdout: () => string; stderr: () => string } {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return { stdout: () => stdout, stderr: () => stderr };
}

async function waitUntilReady(url: string, failure: () => string | undefined): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const failed = failure();
    if (failed !== undefined) throw new Error(`the server at ${url} did not start: ${failed}`);
    const ready = await fetch(`${url}/readyz`).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the server at ${url} was not ready after ${START_TIMEOUT_MS} ms`);
}

/** A port of the loopback that nothing listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
