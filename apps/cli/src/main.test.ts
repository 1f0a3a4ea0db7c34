import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import { runProgram, type ServerProcess, startStandalone } from "@trellis/testkit";

import { repositoryRoot } from "./test-support/repository.ts";
import { artist } from "./test-support/server.ts";
import { createTerminal } from "./test-support/terminal.ts";

/** The program as npm links it. */
const TRELLIS = join(repositoryRoot, "node_modules/.bin/trellis");
const DOMAINS = ["@trellis/catalog", "@trellis/demo"];
const START = 'Start a server with "npm start", or name another with --server or TRELLIS_SERVER.';
/** Where Linux distributions put a Node of their own, which may be an old one. */
const SYSTEM_NODE = "/usr/bin/node";

describe("trellis, as a process", () => {
  let server: ServerProcess;
  const trellis = (command: string, input = "", env: Record<string, string> = {}) =>
    runProgram(TRELLIS, command.split(" "), { input, env: { TRELLIS_SERVER: server.url, ...env } });

  beforeAll(async () => {
    server = await startStandalone({ domains: DOMAINS, flags: ["--memory"] });
  }, 60_000);
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  it("applies the examples, and again without a change", async () => {
    const first = await trellis("apply -f examples/catalog");
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    expect(first.stdout).toMatch(/^service\/api +created\n/);
    expect(first.stdout).toMatch(/\n52 resources: 52 created\n$/);
    const second = await trellis("apply -f examples/catalog");
    expect(second).toMatchObject({ exitCode: 0, stderr: "" });
    expect(second.stdout).toMatch(/\n52 resources: 52 unchanged\n$/);
  });

  it("waits for a controller, shows what it made, and finds what it printed unchanged", async () => {
    const waited = await trellis("wait service/api --for=condition=EndpointsManaged");
    expect(waited).toEqual({
      exitCode: 0,
      stdout: "● service/api: EndpointsManaged is TRUE (SelectorFound)\n",
      stderr: "",
    });
    const { stdout } = await trellis("get serviceendpoints api -o yaml");
    expect(stdout).toMatch(
      /^type: catalog\.v1\.ServiceEndpoints\nname: api\n.*\n {2}type: catalog\.v1\.Service\n {2}name: api\n/s,
    );
    expect((await trellis("apply -f -", stdout)).stdout).toBe(
      "serviceendpoints/api  unchanged\n\n1 resource: 1 unchanged\n",
    );
  });

  it("says that the system's controllers run, on a machine whose clock is wrong as well", async () => {
    const sessionManager = new Http2SessionManager(server.url);
    const transport = createConnectTransport({ baseUrl: server.url, httpVersion: "2", sessionManager });
    try {
      for (const skewMs of [-3_600_000, 3_600_000]) {
        const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
        const { stdout } = await createTerminal(transport, { clock })("status");
        expect(stdout).toMatch(/\nControllers {2}● the system's own run\n$/);
      }
    } finally {
      sessionManager.abort();
    }
  });

  it("ends silently when its reader has seen enough", async () => {
    const shell = (command: string) =>
      runProgram("bash", ["-c", `set -o pipefail; ${command}`], { env: { TRELLIS_SERVER: server.url } });
    for (const command of [
      "get workload -o yaml",
      "get workload",
      "apply -f examples/catalog",
      "types -o json",
    ])
      expect(await shell(`"${TRELLIS}" ${command} | head -1 > /dev/null`)).toMatchObject({
        exitCode: 0,
        stderr: "",
      });
    // What was begun is finished all the same.
    expect((await trellis("delete -f examples/catalog")).exitCode).toBe(0);
    await shell(`"${TRELLIS}" apply -f examples/catalog | head -1 > /dev/null`);
    expect((await trellis("apply -f examples/catalog")).stdout).toMatch(/\n52 resources: 52 unchanged\n$/);
    // More than a pipe holds.
    const many = Array.from({ length: 400 }, (_, index) => artist(`artist-${index}`)).join("---\n");
    expect((await trellis("apply -f -", many)).exitCode).toBe(0);
    expect(await shell(`"${TRELLIS}" get demo.v2.artist -o json | head -c 1`)).toEqual({
      exitCode: 0,
      stdout: "[",
      stderr: "",
    });
  }, 60_000);

  it("shows changes until Ctrl-C, and exits with 130", async () => {
    const watch = start(["watch", "service", "-o", "name"], server.url);
    await watch.shows("service/web added\n");
    expect((await trellis("delete service web")).stdout).toBe("service/web  deleted\n");
    await watch.shows("service/web deleted\n");
    watch.child.kill("SIGINT");
    expect(await watch.ended).toEqual({ exitCode: 130, signal: null });
    expect(watch.stderr()).toBe("");
  });

  it("says in two lines that no server is there, and exits with 1", async () => {
    const port = await freePort();
    for (const command of ["status", "get service", "apply -f examples/catalog", "watch service"]) {
      const result = await trellis(command, "", { TRELLIS_SERVER: `127.0.0.1:${port}` });
      expect(result).toEqual({
        exitCode: 1,
        stdout: "",
        stderr: `error: cannot reach http://127.0.0.1:${port}: connection refused\n${START}\n`,
      });
    }
  }, 60_000);

  it("C370 reads over the network what it wrote", async () => {
    const manifest = artist("over-the-network", "metadata: {a: b}\n");
    expect((await trellis("apply -f -", manifest)).exitCode).toBe(0);
    const { stdout } = await trellis("get demo.v2.artist over-the-network -o json");
    expect(JSON.parse(stdout)).toMatchObject({
      name: "over-the-network",
      metadata: { a: "b" },
      data: { name: "over-the-network", genre: "GENRE_METAL" },
    });
    expect((await trellis("apply -f -", stdout)).stdout).toMatch(/ unchanged\n/);
  });

  it("edits with the program that VISUAL or EDITOR names", async () => {
    expect((await trellis("apply -f -", artist("edited"))).exitCode).toBe(0);
    const EDITOR = "sed -i s/GENRE_METAL/GENRE_ROCK/";
    expect(await trellis("edit demo.v2.artist/edited", "", { VISUAL: "", EDITOR })).toEqual({
      exitCode: 0,
      stdout: "demo.v2.Artist/edited  updated\n",
      stderr: "",
    });
    expect((await trellis("get demo.v2.artist/edited -o yaml")).stdout).toContain("GENRE_ROCK");
    const failed = await trellis("edit demo.v2.artist/edited", "", { VISUAL: "false", EDITOR });
    expect(failed).toMatchObject({ exitCode: 1, stdout: "" });
    const kept =
      /^error: the editor "false" ended with code 1\nNothing was written\. The text is in (.+)\.\n$/;
    expect(failed.stderr).toMatch(kept);
    await rm(dirname(kept.exec(failed.stderr)?.[1] ?? ""), { recursive: true });
  });

  it("goes where --server says rather than TRELLIS_SERVER", async () => {
    const result = await trellis(`status --server ${server.url}`, "", { TRELLIS_SERVER: "127.0.0.1:1" });
    expect(result).toMatchObject({ exitCode: 0, stderr: "" });
    expect(result.stdout).toMatch(new RegExp(`^Server {7}${server.url}\nHealth {7}● ready\n`));
    expect(result.stdout).toMatch(/\nControllers {2}● the system's own run\n$/);
  });

  it("says of a server of another kind what it is not, without a stack", async () => {
    const other = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    try {
      const { exitCode, stdout, stderr } = await trellis(`status --server 127.0.0.1:${port}`);
      expect([exitCode, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(new RegExp(`^error: cannot reach http://127\\.0\\.0\\.1:${port}: .+\n.+\n$`));
    } finally {
      other.close();
    }
  });

  it("is not painted into a pipe, whatever the terminal", async () => {
    const { stdout } = await trellis("get service", "", { TERM: "xterm-256color", FORCE_COLOR: "1" });
    expect(stdout).not.toContain("\u001B");
  });

  it("finds a Node that runs it when an old one starts it, and says which is needed when there is none", async () => {
    if (!existsSync(SYSTEM_NODE)) return;
    const bin = join(repositoryRoot, "apps/cli/bin/trellis.js");
    expect(await runProgram(SYSTEM_NODE, [bin, "--version"])).toEqual({
      exitCode: 0,
      stdout: "0.1.0\n",
      stderr: "",
    });
    const usage = await runProgram(SYSTEM_NODE, [bin, "get"]);
    expect(usage.exitCode).toBe(2);
    const watch = start(["watch", "service", "-o", "name"], server.url, SYSTEM_NODE);
    await watch.shows("service/api added\n");
    watch.child.kill("SIGINT");
    expect(await watch.ended).toEqual({ exitCode: 130, signal: null });
    const version = (await runProgram(SYSTEM_NODE, ["--version"])).stdout.trim();
    if (Number(/^v(\d+)/.exec(version)?.[1]) >= 24) return;
    const searched = await runProgram(SYSTEM_NODE, [bin, "--version"], {
      env: { TRELLIS_NODE_SEARCHED: "1" },
    });
    expect(searched).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `trellis needs Node 24 or newer, and this is ${version}: install it from https://nodejs.org, or run "npm install" in the checkout\n`,
    });
  });
});

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: string | null }>;
  readonly stderr: () => string;
  /** Resolves once a text was printed. */
  shows(text: string): Promise<void>;
}

/** Starts a command that does not end by itself. */
function start(args: readonly string[], url: string, node = process.execPath): Started {
  const env = { ...process.env, NODE_OPTIONS: "", TRELLIS_SERVER: url };
  const bin = join(repositoryRoot, "apps/cli/bin/trellis.js");
  const child = spawn(node, [bin, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<{ exitCode: number | null; signal: string | null }>((resolve) =>
    child.on("close", (exitCode, signal) => resolve({ exitCode, signal })),
  );
  return {
    child,
    ended,
    stderr: () => stderr,
    async shows(text) {
      while (!stdout.includes(text)) await Promise.race([once(child.stdout, "data"), ended.then(failed)]);
      function failed(): never {
        throw new Error(`it ended before it showed ${JSON.stringify(text)}: ${stdout}${stderr}`);
      }
    },
  };
}

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  return port;
}
