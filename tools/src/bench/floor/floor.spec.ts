import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "@trellis/testkit";

import { type CommandOptions, runCommand } from "../../repository.ts";
import type { Deployment } from "../deployment.ts";
import { GRPC } from "../raw/forms.ts";
import { GrpcMessages } from "../raw/grpc-messages.ts";
import { RawClient } from "../raw/raw-client.ts";
import { QUICK_SCENARIOS } from "../targets.ts";
import type { Figures } from "./figures.ts";
import { watchEvents } from "./floor-loads.ts";
import { startFloorServer } from "./floor-server.ts";
import { BATCH, CALL_PATH, callBody, EVENT_BYTES, eventsFrom, greeting, numberResource } from "./messages.ts";
import { remarks, roomTable } from "./report.ts";
import { roomOf, scenariosAbove } from "./room.ts";
import { chooseRows, type Row, ROW_NAMES } from "./rows.ts";
import { GroupLog } from "./server/group-log.ts";

/** For what takes a moment, on a busy machine. */
const PATIENCE_MS = 20_000;
const CALL = GRPC.headers(CALL_PATH);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trellis-bench-floor-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs with the server of a row, and with connections to it, and ends both. */
async function withServer(
  row: Row,
  run: (client: RawClient, server: Deployment) => Promise<void>,
): Promise<void> {
  const server = await startFloorServer(row, folder);
  try {
    const client = await RawClient.open(server.url, 2);
    try {
      await run(client, server);
    } finally {
      client.close();
    }
  } finally {
    await server.stop();
  }
}

/** The body of a call with resources of different numbers. */
function bodyOf(resources: number, first: number): Buffer {
  const body = callBody(resources);
  for (let at = 0; at < resources; at++) numberResource(body, at, first + at);
  return body;
}

describe("the server of a row", () => {
  it.each<[Row, number, boolean]>([
    ["echo", 1, false],
    ["log", 1, true],
    ["kept", 1, true],
    ["ordered", 1, true],
    ["batch100", BATCH, true],
  ])("%s answers each call with what it was sent, of %d resources; on disk by then: %j", (row, count, logs) =>
    withServer(row, async (client) => {
      const bodies = Array.from({ length: 20 }, (_, at) => bodyOf(count, at * count));
      await Promise.all(
        bodies.map(async (body, at) => {
          const answer = await client.call(at, CALL, body);
          expect(answer.equals(body)).toBe(true);
          if (logs) expect(readFileSync(join(folder, `${row}.log`)).includes(body)).toBe(true);
        }),
      );
    }),
  );

  it.each<[Row, number]>([
    ["fan-out-1", 1],
    ["fan-out-4", 4],
  ])("%s writes each stream every event after each call: %d", (row, together) =>
    withServer(row, async (client) => {
      const CALLS = 5;
      const received = Array.from({ length: 10 }, () => 0);
      const watches = received.map((_, stream) =>
        watchEvents(client, stream, (events) => {
          received[stream] = (received[stream] ?? 0) + events;
        }),
      );
      await Promise.all(watches.map(({ live }) => live));
      for (let call = 0; call < CALLS; call++) await client.call(call, CALL, callBody(1));
      await eventually(() => expect(received).toEqual(received.map(() => CALLS * together)), PATIENCE_MS);
      const late = watchEvents(client, 0, () => undefined);
      await Promise.race([late.live, late.ended]);
      for (const watch of [...watches, late]) watch.close();
    }),
  );

  it("ends a call whose body is longer than any of the bench's", () =>
    withServer("echo", async (client) => {
      await expect(client.call(0, CALL, Buffer.alloc(2 ** 20))).rejects.toThrow("connection");
      const body = bodyOf(1, 7);
      expect((await client.call(0, CALL, body)).equals(body)).toBe(true);
    }));

  it("is gone once it was stopped, and its calls fail", async () => {
    let stopped: Deployment | undefined;
    await withServer("echo", async (client, server) => {
      stopped = server;
      await server.stop();
      await expect(client.call(0, CALL, bodyOf(1, 1))).rejects.toThrow("connection");
    });
    for (const { pid } of stopped?.processes() ?? []) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("is not waited for when it cannot begin", async () => {
    await expect(startFloorServer("log", join(folder, "nowhere"))).rejects.toThrow(
      /^the server of log cannot begin: ENOENT: no such file or directory, open .*nowhere.log\.log/,
    );
  });
});

describe("a stream of events", () => {
  it("is over when one is missing", async () => {
    const over = new Promise<never>(() => undefined);
    const watch = watchEvents(
      {
        stream(_client, _request, onMessage) {
          const messages = new GrpcMessages(onMessage);
          for (const sent of [greeting(3), eventsFrom(4, 2), eventsFrom(7, 1)]) messages.take(sent);
          return { ended: over, close: () => undefined };
        },
      },
      0,
      () => undefined,
    );
    await watch.live;
    await expect(watch.ended).rejects.toThrow(`stream 0: expected event 6, found 7 of ${EVENT_BYTES} bytes`);
  });
});

describe("the log of a floor", () => {
  // It only gives back the calls that it was given.
  const call = {} as ServerHttp2Stream;

  it("takes as many calls as fit into its file, and no more until they are on disk", async () => {
    const MOST = 128;
    let onDisk = 0;
    const log = new GroupLog(join(folder, "full.log"), () => (onDisk += 1));
    const taken = Array.from({ length: MOST + 2 }, () => log.append(call, bodyOf(1, 0)));
    expect(taken.filter(Boolean)).toHaveLength(MOST);
    await eventually(() => expect(onDisk).toBe(MOST), PATIENCE_MS);
    expect(log.append(call, bodyOf(1, 0))).toBe(true);
    await eventually(() => expect(onDisk).toBe(MOST + 1), PATIENCE_MS);
  });

  it("begins anew at the end of its file", async () => {
    const file = join(folder, "anew.log");
    const BODY_BYTES = 30 * 1024 ** 2;
    const order: string[] = [];
    const log = new GroupLog(file, (_, body) => order.push(body.toString("latin1", 0, 1)));
    for (const letter of "abc") {
      log.append(call, Buffer.alloc(BODY_BYTES, letter));
      await eventually(() => expect(order.at(-1)).toBe(letter), PATIENCE_MS);
    }
    const bytes = readFileSync(file);
    expect(bytes.subarray(0, BODY_BYTES).equals(Buffer.alloc(BODY_BYTES, "c"))).toBe(true);
    expect(bytes.subarray(BODY_BYTES, 2 * BODY_BYTES).equals(Buffer.alloc(BODY_BYTES, "b"))).toBe(true);
    expect(bytes.length).toBe(64 * 1024 ** 2);
  });
});

describe("what a target leaves", () => {
  const figures = (name: string, cpuUs: number, more: Partial<Figures> = {}): Figures => {
    return { name, cpuUs, opsPerSecond: 1, generatorUs: 1, generatorBusy: 0.5, failures: 0, ...more };
  };
  const floor = [
    figures("echo", 14),
    figures("ordered", 26),
    figures("batch100", 6),
    figures("fan-out-4", 0.5),
  ];

  it("is etcd's figure divided by the target, less the floor", () => {
    const rooms = roomOf([...floor, figures("write-64", 48), figures("watch-1000", 2)]);
    expect(rooms).toMatchObject([
      { scenario: "write-64", times: 1.2, etcdUs: 48, floorUs: 26, rows: ["ordered"] },
      { scenario: "watch-1000", times: 5, etcdUs: 2, floorUs: 0.5, rows: ["fan-out-4"] },
    ]);
    expect(rooms.map(({ targetUs }) => targetUs)).toEqual([expect.closeTo(40), expect.closeTo(0.4)]);
    expect(rooms.map(({ leftUs }) => leftUs)).toEqual([expect.closeTo(14), expect.closeTo(-0.1)]);
    expect(roomTable(rooms).split("\n").slice(2)).toEqual([
      "| write-64, 1.2×   | 48.0    | 40.0      | ordered   | 26.0     | 14.0    |",
      "| watch-1000, 5.0× | 2.00    | 0.40      | fan-out-4 | 0.50     | -0.10   |",
    ]);
  });

  it("has half of a read's floor and half of a write's where both are mixed", () => {
    expect(roomOf([...floor, figures("mixed-32", 60)])).toMatchObject([
      { scenario: "mixed-32", times: 1.5, targetUs: 40, floorUs: 20, leftUs: 20 },
    ]);
  });

  it("is of scenarios with a target, all of whose rows were measured", () => {
    expect(QUICK_SCENARIOS).toEqual(expect.arrayContaining([...scenariosAbove(ROW_NAMES)]));
    expect(scenariosAbove(["echo"])).toEqual(["strong-read-64"]);
    expect(scenariosAbove(["echo", "ordered"])).toEqual(["write-64", "strong-read-64", "mixed-32"]);
    expect(roomOf([figures("echo", 14), figures("mixed-32", 60)])).toEqual([]);
    expect(roomOf(floor)).toEqual([]);
  });

  it("is told with what failed, and where the generator was the limit", () => {
    expect(remarks(floor)).toEqual([]);
    const busy = [
      figures("echo", 14, { generatorBusy: 0.99 }),
      figures("write-64", 48, { generatorBusy: 0.9, failures: 2 }),
    ];
    expect(remarks(busy)).toEqual([
      "the generator may be the limit of echo, write-64: trust the CPU, not the operations a second",
      "write-64: 2 calls failed",
    ]);
  });
});

describe("npm run bench:floor", () => {
  const SHORT = ["--seconds", "0.05", "--warm-up", "0", "--rounds", "2"];

  function bench(args: readonly string[], { env, ...options }: CommandOptions = {}) {
    const all = ["tools/src/bench/floor/main.ts", ...args];
    return runCommand("node", all, { ...options, env: { NODE_OPTIONS: "", ...env } });
  }

  it("measures every row, and leaves nothing behind", async () => {
    const logs = join(folder, "all");
    const { exitCode, output, left } = await bench([...SHORT, "--directory", logs]);
    expect({ exitCode, output, left }).toMatchObject({ exitCode: 0, left: [] });
    expect(readdirSync(logs)).toEqual([]);
    const rows = [...output.matchAll(/^\| (\S+) +\| [\d,]+ +\| [\d.]+ +\| [\d.]+ +\|$/gm)];
    expect(rows.map(([, name]) => name)).toEqual(ROW_NAMES);
  });

  it("ends its servers and removes their logs when it is told to end", async () => {
    const logs = join(folder, "ended");
    const ending = new AbortController();
    const run = bench(["--directory", logs], { signal: ending.signal });
    await eventually(() => {
      const [below = ""] = readdirSync(logs);
      expect(readdirSync(join(logs, below))).toContain("batch100.log");
    }, PATIENCE_MS);
    ending.abort("seen enough");
    const { exitCode, stopped, left } = await run;
    expect({ exitCode, stopped, left }).toEqual({ exitCode: 130, stopped: "seen enough", left: [] });
    expect(readdirSync(logs)).toEqual([]);
  });

  it("tells its flags and its rows", async () => {
    const { exitCode, output } = await bench(["--help"]);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/--peer etcd +measure etcd too/);
    expect(output).toMatch(/^ {2}fan-out-4 +an event/m);
  });

  it("chooses rows by name, or by how names begin", () => {
    expect(chooseRows(["fan-out", "echo"])).toEqual(["echo", "fan-out-1", "fan-out-4"]);
  });

  it.each([
    [["--seconds", "soon"], '--seconds: expected a number from 0.05 to 600; found "soon"'],
    [["--nope"], "Unknown option '--nope'; there are --peer etcd"],
    [["--only", "echo,fly"], "--only: expected names, or beginnings of names, of echo, log,"],
    [["--only", ""], "--only: expected names, or beginnings of names, of echo, log,"],
    [["--peer", "consul"], '--peer: expected etcd; found "consul"'],
    [["--peer", "etcd"], 'found none as "/nowhere/etcd"; install Debian\'s package etcd-server'],
  ])("refuses %j in one line", async (args, message) => {
    const { exitCode, output } = await bench(args, { env: { ETCD_BIN: "/nowhere/etcd" } });
    expect(exitCode).toBe(2);
    expect(output).toContain(message);
    expect(output.trim().split("\n")).toHaveLength(1);
  });
});
