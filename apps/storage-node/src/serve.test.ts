import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { v2 } from "@trellis/demo";
import { eventually, freePorts, runProgram } from "@trellis/testkit";

import {
  AlbumWriter,
  albumNames,
  mayHaveBeenBegun,
  titleOf,
  wasCut,
  writeAlbum,
} from "./test-support/albums.ts";
import { holdWrite } from "./test-support/held-write.ts";
import { readiness, RunningNode, STORAGE_NODE } from "./test-support/running-node.ts";
import { PATIENCE_MS, ServingCluster } from "./test-support/serving-cluster.ts";

/** For all that one test waits for, on a machine that is busy. */
const TEST_MS = 90_000;
/** The longest that the end of a node may take: its gateway's grace, and its own farewell. */
const END_MS = 10_000;
/** The longest that nobody may be able to write once the leader has died: an election, and what a busy machine adds to it. */
const FAILOVER_MS = 10_000;

/** What a call is told that waited for the storage in vain. */
const NOT_DONE = { code: "unavailable", reason: "UNAVAILABLE", applied: "no" };

describe("three nodes that serve resources", () => {
  let nodes: ServingCluster;
  beforeAll(async () => {
    nodes = await ServingCluster.create(3);
    for (const at of nodes.all) nodes.start(at);
    await nodes.untilReady();
  }, TEST_MS);
  afterAll(() => nodes.end());

  /** The albums that some of these nodes do not show. */
  async function missing(names: readonly string[]): Promise<readonly string[]> {
    const shown = await Promise.all(nodes.all.map((at) => albumNames(nodes.client(at))));
    return names.filter((name) => shown.some((albums) => !albums.has(name)));
  }

  it("are ready, and each of them says of whom the cluster is made", async () => {
    const leader = await nodes.leader();
    for (const at of nodes.all) {
      const { status, text } = await readiness(nodes.url(at));
      expect({ status, said: JSON.parse(text) }).toEqual({ status: 200, said: { status: "ready" } });
      expect(await nodes.leader(at)).toBe(leader);
    }
  });

  it("take a write at any of them, show it at every other, and tell the watches of all", async () => {
    const clients = nodes.all.map((at) => nodes.client(at));
    const ending = new AbortController();
    const interrupts: unknown[] = [];
    const watches = clients.map((client) => {
      const seen: string[] = [];
      const options = { signal: ending.signal, onInterrupt: (error: unknown) => void interrupts.push(error) };
      const ended = (async () => {
        for await (const item of client.watch(v2.Album, { namePrefix: "by-" }, options))
          seen.push(item.kind === "endOfSnapshot" ? item.kind : item.resource.id.name);
      })();
      return { seen, ended };
    });
    await eventually(() => {
      for (const { seen } of watches) expect(seen).toEqual(["endOfSnapshot"]);
    }, PATIENCE_MS);

    const names = nodes.all.map((at) => `by-${at}`);
    for (const [at, client] of clients.entries()) await writeAlbum(client, `by-${at}`);
    for (const client of clients) for (const name of names) expect(await titleOf(client, name)).toBe(name);
    await eventually(() => {
      for (const { seen } of watches) expect(seen).toEqual(["endOfSnapshot", ...names]);
    }, PATIENCE_MS);
    ending.abort();
    await Promise.all(watches.map(({ ended }) => ended));
    expect(interrupts).toEqual([]);
  });

  it(
    "go on when the one that leads is killed: no call fails, and what was acknowledged is there",
    async () => {
      const leader = await nodes.leader();
      const writers = nodes.others(leader).map((at) => new AlbumWriter(nodes.client(at), `killed-${at}`));
      await Promise.all(writers.map((writer) => writer.more(5)));

      expect(await nodes.node(leader).kill()).toBe("SIGKILL");
      const killedMs = performance.now();
      await Promise.all(writers.map((writer) => writer.more(5)));
      expect(performance.now() - killedMs).toBeLessThan(FAILOVER_MS);
      await Promise.all(writers.map((writer) => writer.end()));
      expect(writers.flatMap(({ refused }) => refused)).toEqual([]);

      nodes.start(leader);
      await nodes.untilReady();
      expect(await missing(writers.flatMap(({ acknowledged }) => acknowledged))).toEqual([]);
    },
    TEST_MS,
  );

  it(
    "let the one that leads stop under requests: they are answered, and it ends by itself",
    async () => {
      const leader = await nodes.leader();
      const elsewhere = new AlbumWriter(nodes.client(nodes.others(leader)[0] ?? leader), "elsewhere");
      const through = nodes.client(leader);
      const writers = Array.from({ length: 8 }, (_, number) => new AlbumWriter(through, `stopped-${number}`));
      await Promise.all(writers.map((writer) => writer.more(3)));

      const stoppedMs = performance.now();
      const stopped = nodes.node(leader).stop();
      await eventually(() => expect(nodes.node(leader).log).toContain('"msg":"stopping"'), PATIENCE_MS);
      await Promise.all(writers.map((writer) => writer.end()));
      expect(await stopped).toBe(0);
      expect(performance.now() - stoppedMs).toBeLessThan(END_MS);
      await elsewhere.more(5);
      await elsewhere.end();
      expect(elsewhere.refused).toEqual([]);
      // Who came too late knows that nothing was begun.
      const unsure = writers.flatMap(({ refused }) => refused.filter(mayHaveBeenBegun));
      expect(unsure.filter((refusal) => !wasCut(refusal))).toEqual([]);
      const shown = await albumNames(nodes.client(nodes.others(leader)[0] ?? leader));
      expect(unsure.filter(({ name }) => shown.has(name))).toEqual([]);
      nodes.start(leader);
      await nodes.untilReady();
      const all = [...writers, elsewhere];
      expect(await missing(all.flatMap(({ acknowledged }) => acknowledged))).toEqual([]);
    },
    TEST_MS,
  );

  it("leave one out that finds its directory in use, which says so", async () => {
    const { exitCode, stderr } = await nodes.startBeside(0);
    expect(exitCode).toBe(1);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toContain("--data-dir: ");
    expect(stderr).toContain("in use");
    expect((await readiness(nodes.url(0))).status).toBe(200);
  });
});

describe("a node that serves resources, and has no quorum", () => {
  let nodes: ServingCluster | undefined;
  afterEach(() => nodes?.end());

  it(
    "says what it waits for, answers by the deadline, and gets ready by itself",
    async () => {
      const waiting = (nodes = await ServingCluster.create(3));
      waiting.start(0);
      await eventually(async () => {
        const { status, text } = await readiness(waiting.url(0));
        expect(status).toBe(503);
        expect(text).toContain(
          `the storage waits for a leader: ${waiting.address(0)} knows of none, since it waits for node-2 at ${waiting.address(1)}`,
        );
      }, PATIENCE_MS);
      expect(await holdWrite(waiting.url(0), "too-early", 300).refused).toEqual(NOT_DONE);

      const held = writeAlbum(waiting.client(0), "held");
      for (const at of waiting.others(0)) waiting.start(at);
      await held;
      await waiting.untilReady();
      for (const at of waiting.all) expect(await titleOf(waiting.client(at), "held")).toBe("held");
      expect(await titleOf(waiting.client(1), "too-early")).toBeUndefined();
    },
    TEST_MS,
  );

  it(
    "is told to stop: it ends by itself, and what waits is told that it was not done",
    async () => {
      const waiting = (nodes = await ServingCluster.create(3));
      const node = waiting.start(0, ["--grace-ms", "2000"]);
      await eventually(() => expect(node.log).toContain('"msg":"serving resources"'), PATIENCE_MS);
      const write = holdWrite(waiting.url(0), "never", PATIENCE_MS);
      await write.received;
      const stoppedMs = performance.now();
      expect(await node.stop()).toBe(0);
      expect(performance.now() - stoppedMs).toBeLessThan(END_MS);
      expect(await write.refused).toEqual(NOT_DONE);
    },
    TEST_MS,
  );
});

describe("a node that cannot serve resources", () => {
  let directory: string;
  let listen: string;
  let serve: string;
  let taken: Server | undefined;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "trellis-serve-"));
    const [listenPort = 0, servePort = 0] = await freePorts(2);
    listen = `127.0.0.1:${listenPort}`;
    serve = `127.0.0.1:${servePort}`;
    taken = await listening(servePort);
  });
  afterAll(async () => {
    await closed(taken);
    await rm(directory, { recursive: true });
  });

  const flags = (more: readonly string[]): readonly string[] => {
    const node = ["--data-dir", join(directory, "data"), "--listen", listen];
    return [...node, "--initial-cluster", `node-1=${listen}`, ...more];
  };

  it.each([
    [
      "domains, and nowhere to serve them",
      () => ["--domain", "@trellis/demo"],
      () =>
        "--domain: expected --serve HOST:PORT with it, where resources are served; a storage node alone serves none",
    ],
    [
      "a secret, and nowhere to use it",
      () => ["--cluster-secret", "secret"],
      () =>
        "--cluster-secret: expected --serve HOST:PORT with it, where resources are served; a storage node alone serves none",
    ],
    [
      "what is no address",
      () => ["--serve", "nonsense"],
      () => '--serve: expected HOST:PORT with a port from 0 to 65535, as in 127.0.0.1:7500; found "nonsense"',
    ],
    [
      "the node's own address",
      () => ["--serve", listen],
      () =>
        `--serve: expected another address than that of --listen, where the node itself is reached; found ${listen} for both`,
    ],
    [
      "a port that another process has",
      () => ["--serve", serve],
      () => `cannot listen on ${serve}: another process has it; choose another with --serve`,
    ],
    [
      "a domain that does not exist",
      () => ["--serve", serve, "--domain", "./nowhere"],
      () =>
        `domain ./nowhere does not exist: no file or folder ${join(tmpdir(), "nowhere")}; give a path or a package name`,
    ],
    [
      "a secret's file that does not exist",
      () => ["--serve", serve, "--cluster-secret", "./nowhere"],
      () => "--cluster-secret: expected a file that can be read; found ./nowhere (ENOENT)",
    ],
  ])("says of %s what is wrong, in one line", async (_, more, words) => {
    const { exitCode, stdout, stderr } = await runProgram(
      "node",
      [STORAGE_NODE, "--log-level", "error", ...flags(more())],
      { cwd: tmpdir() },
    );
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `trellis-storage-node: ${words()}\n`,
    });
  });

  it(
    "has formed no cluster, and holds nothing: it starts in the same directory once the port is free",
    async () => {
      const { exitCode } = await runProgram("node", [STORAGE_NODE, ...flags(["--serve", serve])]);
      expect(exitCode).toBe(1);
      expect(await readdir(join(directory, "data"))).not.toContain("node.json");
      taken = await closed(taken);
      const node = new RunningNode(flags(["--serve", serve]));
      try {
        await eventually(async () => {
          expect((await readiness(`http://${serve}`)).status).toBe(200);
        }, PATIENCE_MS);
      } finally {
        expect(await node.stop()).toBe(0);
      }
    },
    TEST_MS,
  );
});

describe("the help of a storage node", () => {
  it("tells of serving resources, in a place of its own, and by an example", async () => {
    const { exitCode, stdout } = await runProgram("node", [STORAGE_NODE, "--help"]);
    expect(exitCode).toBe(0);
    const [, resources = ""] = /^Resources\n((?: +.*\n)+)/m.exec(stdout) ?? [];
    expect(resources).toMatch(/^ +--serve HOST:PORT +Serve resources as well, here/m);
    expect(resources).toMatch(/^ +--domain MODULE +/m);
    expect(stdout).toMatch(/^ +trellis-storage-node .*--serve 10\.0\.0\.1:7500 --domain /m);
  });
});

/** Another process's server, as far as who comes later can tell. */
async function listening(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

async function closed(server: Server | undefined): Promise<undefined> {
  if (server !== undefined) await new Promise((resolve) => server.close(resolve));
}
