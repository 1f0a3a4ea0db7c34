import { Code } from "@connectrpc/connect";
import { HealthCheckResponse_ServingStatus } from "@trellis/protos/grpc/health/v1/health_pb";
import { isConnectError, STORE_HEADER, typeNameText, VERSION_HEADER } from "@trellis/resource";
import type { Command } from "commander";

import { askControllers, type ControllersSeen } from "../controllers-seen.ts";
import { EXIT, isUnreachable } from "../errors.ts";
import { durationText } from "../output/age.ts";
import { createPaint, type Paint } from "../output/paint.ts";
import { pad, widthOf } from "../output/table.ts";
import type { Session } from "../session.ts";
import { typesSummary } from "../types/types-summary.ts";
import { addCommand, type CommandContext, outputOption } from "./command-context.ts";

/** What `status` finds out. */
interface ServerStatus {
  readonly server: string;
  readonly health: "ready" | "not ready" | "not told";
  readonly store: string;
  readonly version: string;
  /** As `group.version.Kind`. */
  readonly types: readonly string[];
  /** The median of a few calls, in milliseconds. */
  readonly latencyMs: number;
  /** The system's controllers; absent where the server does not tell. */
  readonly controllers?: ControllersSeen;
}

/** How many calls the latency is the median of. */
const LATENCY_CALLS = 5;

/** `trellis status`. */
export function addStatusCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "status", {
    description: "show whether the server is ready, and what it is",
    examples: ["", "-o json"],
  });
  command.addOption(outputOption(["table", "json"])).action(({ output }: { output: string }) =>
    context.run(command, async (session) => {
      const status = await askStatus(session);
      const { stdout, colour } = session.environment;
      stdout(output === "json" ? jsonText(status) : statusText(status, colour));
      return status.health === "not ready" ? EXIT.failed : EXIT.ok;
    }),
  );
}

async function askStatus(session: Session): Promise<ServerStatus> {
  const { connection, environment } = session;
  // First the types: an error of this call says best what is wrong with the server.
  const headers = new Headers();
  const options = {
    ...session.callOptions,
    onHeader: (answered: Headers) => answered.forEach((value, name) => headers.set(name, value)),
  };
  const { types } = await connection.client.types.listTypes({}, options);
  const health = await askHealth(session);
  const controllers = await askControllers(session);
  const latencies: number[] = [];
  for (let call = 0; call < LATENCY_CALLS; call += 1) {
    const startedMs = environment.clock.monotonic();
    await connection.client.types.listTypes({}, options);
    latencies.push(environment.clock.monotonic() - startedMs);
  }
  const latencyMs = latencies.sort((a, b) => a - b)[Math.floor(LATENCY_CALLS / 2)] ?? 0;
  return {
    server: connection.server,
    health,
    store: headers.get(STORE_HEADER) ?? "",
    version: headers.get(VERSION_HEADER) ?? "",
    types: types.flatMap(({ type }) => (type === undefined ? [] : [typeNameText(type)])),
    latencyMs: Math.round(latencyMs * 100) / 100,
    ...(controllers === undefined ? {} : { controllers }),
  };
}

async function askHealth({ connection, callOptions }: Session): Promise<ServerStatus["health"]> {
  try {
    const { status } = await connection.health.check({}, callOptions);
    return status === HealthCheckResponse_ServingStatus.SERVING ? "ready" : "not ready";
  } catch (error) {
    if (isUnreachable(error) || !isConnectError(error)) throw error;
    return error.code === Code.Unimplemented || error.code === Code.NotFound ? "not told" : "not ready";
  }
}

function jsonText({ controllers, types, ...status }: ServerStatus): string {
  const lastSeen =
    controllers?.lastSeenMs === undefined ? {} : { lastSeen: new Date(controllers.lastSeenMs).toISOString() };
  const seen =
    controllers === undefined ? {} : { controllers: { running: controllers.running, ...lastSeen } };
  return `${JSON.stringify({ ...status, types: types.length, ...seen }, undefined, 2)}\n`;
}

function statusText(status: ServerStatus, colour: boolean): string {
  const { server, health, store, version, types, latencyMs, controllers } = status;
  const paint = createPaint(colour);
  const painted = { ready: paint.good, "not ready": paint.bad, "not told": paint.warning }[health];
  const facts = [
    ["Server", server],
    ["Health", painted(`${health === "ready" ? "●" : "○"} ${health}`)],
    ["Store", store === "" ? "not told" : `${store}${version === "" ? "" : ` at version ${version}`}`],
    ["Types", typesSummary(types)],
    ["Latency", `${latencyMs} ms`],
    ...(controllers === undefined ? [] : [["Controllers", controllersText(controllers, paint)]]),
  ];
  const width = Math.max(...facts.map(([name = ""]) => widthOf(name)));
  const lines = facts.map(([name = "", fact = ""]) => `${paint.quiet(pad(name, width))}  ${fact}\n`);
  const hint = controllers === undefined || controllers.running ? "" : `\n${WITHOUT_CONTROLLERS}\n`;
  return `${lines.join("")}${hint}`;
}

/** What people must know when nobody looks after the system's own resources. */
const WITHOUT_CONTROLLERS = `Deletions do not cascade and namespaces are not emptied.
Start a controller manager with --cluster-secret.`;

function controllersText({ running, lastSeenMs, silentMs }: ControllersSeen, paint: Paint): string {
  if (running) return paint.good("● the system's own run");
  if (lastSeenMs === undefined) return paint.bad("● none of the system's has ever run");
  return paint.bad(`● none of the system's has run for ${durationText(silentMs)}`);
}
