import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";

import { inRepository } from "../repository.ts";
import { cpuMicrosecondsOf, openSocketsOf, residentBytesOf } from "./process-figures.ts";

/** How long a server may take to answer its readiness probe. */
const START_TIMEOUT_MS = 20_000;

/** A server under test, in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Where the inspector listens, when it was asked for. */
  readonly inspectorUrl: string | undefined;
  /** User and system time so far, in microseconds; undefined where /proc is missing. */
  cpuMicroseconds(): number | undefined;
  /** Resident memory in bytes; undefined where /proc is missing. */
  residentBytes(): number | undefined;
  /** Open sockets, listening ones included; undefined where /proc is missing. */
  openSockets(): number | undefined;
  stop(): Promise<void>;
}

/** How to start a gateway. */
export interface GatewayOptions {
  readonly domains: readonly string[];
  /** More flags of the gateway. */
  readonly flags?: readonly string[];
  /** Opens Node's inspector on the loopback. */
  readonly inspect?: boolean;
}

/** Starts a gateway on the memory backend, on a free port of the loopback. */
export async function startGateway({ domains, flags = [], inspect = false }: GatewayOptions): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    [
      ...(inspect ? ["--inspect=127.0.0.1:0"] : []),
      inRepository("apps/gateway/bin/trellis-gateway.js"),
      ...["--listen", `127.0.0.1:${port}`, "--backend", "memory:", "--log-level", "warn"],
      ...domains.flatMap((domain) => ["--domain", domain]),
      ...flags,
    ],
    { cwd: inRepository(), stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const inspector = watchStandardError(child);
  const pid = child.pid;
  if (pid === undefined) throw new Error("the gateway process did not start");
  await waitUntilReady(url, () => child.exitCode);
  return {
    url,
    pid,
    inspectorUrl: inspect ? await inspector : undefined,
    cpuMicroseconds: () => cpuMicrosecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    openSockets: () => openSocketsOf(pid),
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Shows what the process complains of, and finds the inspector's address in it. */
function watchStandardError(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const url = /Debugger listening on (ws:\S+)/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
      const complaint = text.replaceAll(/^(Debugger|For help, see).*\n?/gm, "");
      if (complaint !== "") process.stderr.write(complaint);
    });
  });
}

async function waitUntilReady(url: string, exitCode: () => number | null): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (exitCode() !== null) throw new Error(`the gateway exited with code ${exitCode()} before it was ready`);
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the gateway at ${url} was not ready after ${START_TIMEOUT_MS} ms`);
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
