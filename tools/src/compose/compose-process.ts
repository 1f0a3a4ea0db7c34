import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

import { runProgram } from "@trellis/testkit";

import type { ComposeFile, ComposeService } from "./compose-file.ts";
import type { StagedImage } from "./staged-image.ts";

/** Where on this machine stands what containers have for themselves. */
export interface ComposeWorld {
  readonly image: StagedImage;
  readonly file: ComposeFile;
  /** A folder for the volumes and secrets. */
  readonly directory: string;
  /** The port of the loopback that stands for a service's port: `gateway-1:7500`. */
  readonly ports: ReadonlyMap<string, number>;
}

/** A service that runs as a process. */
export interface ComposeProcess {
  readonly service: ComposeService;
  output(): string;
  /** The exit code; null for who was killed. */
  readonly ended: Promise<number | null>;
  /** Sends SIGTERM, as `docker compose stop` does; how it ended, and after how long. */
  stop(): Promise<{ readonly exitCode: number | null; readonly afterMs: number }>;
  kill(): void;
}

const SECRETS = "/run/secrets/";

/** The ports at which services can be reached: `gateway-1:7500`, by what they listen on. */
export function listenedPorts({ services }: ComposeFile): readonly string[] {
  return services.map(({ name, environment }) => `${name}:${portOf(environment["TRELLIS_LISTEN"] ?? "")}`);
}

/** Starts a service with the command, the environment, the volumes and the secrets that it has in the file, and nothing else of this process's environment. */
export function startService(world: ComposeWorld, service: ComposeService): ComposeProcess {
  const { image } = world;
  const [command = "", ...args] = service.command;
  const bin = image.bins.get(command);
  if (bin === undefined)
    throw new Error(
      `${service.name}: expected one of ${[...image.bins.keys()].join(", ")}; found ${command}`,
    );
  const child = spawn(process.execPath, [bin, ...args.map((arg) => translate(world, service, arg))], {
    cwd: image.root,
    env: environmentOf(world, service),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return {
    service,
    output: () => output,
    ended,
    async stop() {
      const startMs = performance.now();
      child.kill("SIGTERM");
      const exitCode = await within(child, ended, service.stopGraceMs);
      return { exitCode, afterMs: performance.now() - startMs };
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** Runs a service's health check once: whether it is well, and what the check says. */
export async function checkHealth(
  world: ComposeWorld,
  service: ComposeService,
): Promise<{ readonly isHealthy: boolean; readonly says: string }> {
  const { command, timeoutMs } = service.healthcheck;
  const [program, ...args] = command.map((word) => translate(world, service, word));
  if (program !== "node") throw new Error(`expected a health check by node, found ${program}`);
  const env = environmentOf(world, service);
  const { exitCode, stdout, stderr } = await runProgram(process.execPath, args, { env, timeoutMs });
  return { isHealthy: exitCode === 0, says: stdout + stderr };
}

function environmentOf(world: ComposeWorld, service: ComposeService): Readonly<Record<string, string>> {
  const variables = Object.entries(service.environment);
  return Object.fromEntries(variables.map(([name, value]) => [name, translate(world, service, value)]));
}

/** The exit code; null for who has to be killed, as Docker does after the grace. */
async function within(
  child: ChildProcess,
  ended: Promise<number | null>,
  graceMs: number,
): Promise<number | null> {
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}

/** What a text of the file says on this machine: paths of the container and addresses of its network become those that stand for them. */
function translate(world: ComposeWorld, service: ComposeService, text: string): string {
  const { image, file, directory, ports } = world;
  const own = (port: string): string => `127.0.0.1:${ports.get(`${service.name}:${port}`) ?? port}`;
  let here = text.replaceAll(/^0\.0\.0\.0:(\d+)$/g, (_, port: string) => own(port));
  for (const { name } of file.services)
    here = here.replaceAll(new RegExp(`(?<![\\w-])${name}:(\\d+)`, "g"), (address) => {
      const port = ports.get(address);
      if (port === undefined)
        throw new Error(`${service.name}: expected an address at which a service listens, found ${address}`);
      return `127.0.0.1:${port}`;
    });
  for (const { name, path } of service.volumes)
    if (here === path || here.startsWith(`${path}/`)) return join(directory, name, here.slice(path.length));
  if (here.startsWith(SECRETS)) return secretFile(world, service, here.slice(SECRETS.length));
  const inImage = here === image.workingDirectory || here.startsWith(`${image.workingDirectory}/`);
  return inImage ? join(image.root, here.slice(image.workingDirectory.length)) : here;
}

function secretFile(
  { file, directory }: ComposeWorld,
  { name, secrets }: ComposeService,
  secret: string,
): string {
  if (!secrets.includes(secret) || !file.secrets.has(secret))
    throw new Error(`${name}: expected a secret that the service is given, found ${secret}`);
  return join(directory, file.secrets.get(secret) ?? "");
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1]);
}
