import { parse } from "yaml";

import { durationMs } from "./duration.ts";

/** A compose file, as far as ours goes. */
export interface ComposeFile {
  readonly services: readonly ComposeService[];
  /** Names of the volumes that outlive containers. */
  readonly volumes: readonly string[];
  /** The file of each secret, relative to the compose file. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** One service: a container of the image. */
export interface ComposeService {
  /** Others reach it under this name. */
  readonly name: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly { readonly name: string; readonly path: string }[];
  readonly secrets: readonly string[];
  readonly ports: readonly { readonly host: string; readonly published: number; readonly target: number }[];
  readonly healthcheck: HealthCheck;
  readonly stopGraceMs: number;
  /** Keys that say how a container is run and mean nothing to a process. */
  readonly container: Readonly<Record<string, unknown>>;
}

/** How a container is asked whether it is well. */
export interface HealthCheck {
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly retries: number;
}

const CONTAINER_KEYS = ["image", "build", "init", "restart", "read_only", "cap_drop", "security_opt"];
const SERVICE_KEYS = [
  "command",
  "environment",
  "volumes",
  "secrets",
  "ports",
  "healthcheck",
  "stop_grace_period",
  ...CONTAINER_KEYS,
];
const FILE_KEYS = ["name", "services", "volumes", "secrets"];

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Reads a compose file, with `${NAME-otherwise}` as the variables say. A key that it does not know is refused, so that nothing of the file is left out of what is tried: throws an Error that names it.
 */
export function parseComposeFile(
  text: string,
  variables: Readonly<Record<string, string>> = {},
): ComposeFile {
  const filled = text.replaceAll(
    /\$\{(\w+)-([^}]*)\}/g,
    (_, name: string, otherwise: string) => variables[name] ?? otherwise,
  );
  const file = parse(filled, { merge: true }) as Mapping;
  refuseOthers(
    "the file",
    Object.keys(file).filter((key) => !key.startsWith("x-")),
    FILE_KEYS,
  );
  const services = Object.entries((file["services"] ?? {}) as Record<string, Mapping>);
  const secrets = Object.entries((file["secrets"] ?? {}) as Record<string, { readonly file: string }>);
  return {
    services: services.map(([name, service]) => serviceOf(name, service)),
    volumes: Object.keys((file["volumes"] ?? {}) as Mapping),
    secrets: new Map(secrets.map(([name, { file: path }]) => [name, path])),
  };
}

function serviceOf(name: string, service: Mapping): ComposeService {
  refuseOthers(name, Object.keys(service), SERVICE_KEYS);
  const environment = Object.entries((service["environment"] ?? {}) as Mapping);
  return {
    name,
    command: strings(service["command"]),
    environment: Object.fromEntries(environment.map(([key, value]) => [key, String(value)])),
    volumes: strings(service["volumes"]).map((volume) => {
      const [source = "", path = ""] = volume.split(":");
      return { name: source, path };
    }),
    secrets: strings(service["secrets"]),
    ports: strings(service["ports"]).map((port) => {
      const [host = "", published, target] = port.split(":");
      return { host, published: Number(published), target: Number(target) };
    }),
    healthcheck: healthCheckOf(name, service["healthcheck"] as Mapping | undefined),
    stopGraceMs: durationMs(String(service["stop_grace_period"])),
    container: Object.fromEntries(Object.entries(service).filter(([key]) => CONTAINER_KEYS.includes(key))),
  };
}

function healthCheckOf(name: string, check: Mapping = {}): HealthCheck {
  const [kind, ...command] = strings(check["test"]);
  if (kind !== "CMD") throw new Error(`${name}: expected a health check that begins with CMD, found ${kind}`);
  return {
    command,
    intervalMs: durationMs(String(check["interval"])),
    timeoutMs: durationMs(String(check["timeout"])),
    startPeriodMs: durationMs(String(check["start_period"])),
    retries: Number(check["retries"]),
  };
}

function strings(value: unknown): readonly string[] {
  return ((value ?? []) as readonly unknown[]).map(String);
}

function refuseOthers(where: string, found: readonly string[], known: readonly string[]): void {
  const other = found.find((key) => !known.includes(key));
  if (other !== undefined)
    throw new Error(
      `${where}: expected one of ${known.join(", ")}; found ${other}: teach tools/src/compose what it means`,
    );
}
