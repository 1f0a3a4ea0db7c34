import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

import { cpuMicrosecondsOf, openSocketsOf, residentBytesOf } from "./process-figures.ts";
import { programEnvironment, repositoryRoot } from "./program.ts";

/** How long a server may take to answer its readiness probe. */
const START_TIMEOUT_MS = 30_000;
/** How long a probe may take, and how long between two. */
const PROBE_TIMEOUT_MS = 2_000;
const POLL_INTERVAL_MS = 50;
/** How long a server may take to stop when asked; then it is killed, and its test fails for the exit code. */
const STOP_TIMEOUT_MS = 20_000;

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
  /** Opens Node's inspector on the loopback. */
  readonly inspect?: boolean;
}

/** Starts a gateway on the memory backend, on a port of the loopback, and waits until it is ready. */
export function startGateway({
  domains,
  flags = [],
  inspect = false,
}: GatewayOptions): Promise<ServerProcess> {
  const args = ["--backend", "memory:", ...domainFlags(domains), ...flags];
  return startServer("apps/gateway/bin/trellis-gateway.js", args, inspect);
}

/** Starts all parts in one process, on a port of the loopback, and waits until it is ready. */
export function startStandalone({
  domains,
  flags = [],
  inspect = false,
}: StandaloneOptions): Promise<ServerProcess> {
  return startServer(
    "apps/standalone/bin/trellis-standalone.js",
    [...domainFlags(domains), ...flags],
    inspect,
  );
}

function domainFlags(domains: readonly string[]): string[] {
  return domains.flatMap((domain) => ["--domain", domain]);
}

async function startServer(bin: string, args: readonly string[], inspect: boolean): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    [
      ...(inspect ? ["--inspect=127.0.0.1:0"] : []),
      join(repositoryRoot, bin),
      "--listen",
      "127.0.0.1:0",
      "--log-format",
      "json",
      "--log-level",
      "info",
      ...args,
    ],
    { cwd: repositoryRoot, stdio: ["ignore", "pipe", "pipe"], env: programEnvironment() },
  );
  const printed = collectOutput(child);
  const exited = new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${bin} did not start`);
  const url = await readyUrl(child, printed.stderr).catch((error: unknown) => {
    // What does not get ready must not outlive its test.
    child.kill("SIGKILL");
    throw error;
  });
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
      const kill = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      const code = await exited;
      clearTimeout(kill);
      return code;
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

/** The URL that the server says it listens on, once its readiness probe is green there. */
async function readyUrl(child: ChildProcess, stderr: () => string): Promise<string> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null)
      throw new Error(`the server did not start: it exited with code ${child.exitCode}: ${stderr()}`);
    const url = /"url":"(http:[^"]+)"/.exec(stderr())?.[1];
    if (url !== undefined && (await isReady(url))) return url;
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  throw new Error(`the server was not ready after ${START_TIMEOUT_MS} ms: ${stderr()}`);
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
