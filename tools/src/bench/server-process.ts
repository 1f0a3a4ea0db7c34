import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

import { inRepository } from "../repository.ts";

/** Clock ticks per second in /proc: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** How long a server may take to answer its readiness probe. */
const START_TIMEOUT_MS = 20_000;

/** A server under test, in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** User and system time so far, in microseconds; undefined where /proc is missing. */
  cpuMicroseconds(): number | undefined;
  /** Resident memory in bytes; undefined where /proc is missing. */
  residentBytes(): number | undefined;
  stop(): Promise<void>;
}

/** Starts a gateway on the memory backend with the given domains, on a free port of the loopback. */
export async function startGateway(domains: readonly string[]): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    [
      inRepository("apps/gateway/bin/trellis-gateway.js"),
      ...["--listen", `127.0.0.1:${port}`, "--backend", "memory:", "--log-level", "warn"],
      ...domains.flatMap((domain) => ["--domain", domain]),
    ],
    { cwd: inRepository(), stdio: ["ignore", "ignore", "inherit"] },
  );
  const exited = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const pid = child.pid;
  if (pid === undefined) throw new Error("the gateway process did not start");
  await waitUntilReady(url, () => child.exitCode);
  return {
    url,
    pid,
    cpuMicroseconds: () => readCpuMicroseconds(pid),
    residentBytes: () => readResidentBytes(pid),
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
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
export function freePort(): Promise<number> {
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

function readCpuMicroseconds(pid: number): number | undefined {
  try {
    // The fields after the command's closing parenthesis: the 12th and 13th are utime and stime (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
  } catch {
    return undefined;
  }
}

function readResidentBytes(pid: number): number | undefined {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return line === undefined ? undefined : Number(line) * 1024;
  } catch {
    return undefined;
  }
}
