import { Code } from "@connectrpc/connect";
import { HealthCheckResponse_ServingStatus } from "@trellis/protos/grpc/health/v1/health_pb";
import { isConnectError, STORE_HEADER, VERSION_HEADER } from "@trellis/resource";
import type { Command } from "commander";

import { EXIT, isUnreachable } from "../errors.ts";
import { createPaint } from "../output/paint.ts";
import { pad } from "../output/table.ts";
import type { Session } from "../session.ts";
import { addCommand, type CommandContext, outputOption } from "./command-context.ts";

/** What `status` finds out. */
interface ServerStatus {
  readonly server: string;
  readonly health: "ready" | "not ready" | "not told";
  readonly store: string;
  readonly version: string;
  readonly types: number;
  /** The median of a few calls, in milliseconds. */
  readonly latencyMs: number;
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
      stdout(output === "json" ? `${JSON.stringify(status, undefined, 2)}\n` : statusText(status, colour));
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
    types: types.length,
    latencyMs: Math.round(latencyMs * 100) / 100,
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

function statusText(
  { server, health, store, version, types, latencyMs }: ServerStatus,
  colour: boolean,
): string {
  const paint = createPaint(colour);
  const painted = { ready: paint.good, "not ready": paint.bad, "not told": paint.warning }[health];
  const facts = [
    ["Server", server],
    ["Health", painted(`${health === "ready" ? "●" : "○"} ${health}`)],
    ["Store", store === "" ? "not told" : `${store}${version === "" ? "" : ` at version ${version}`}`],
    ["Types", String(types)],
    ["Latency", `${latencyMs} ms`],
  ];
  return facts.map(([name = "", fact = ""]) => `${paint.quiet(pad(name, 9))}${fact}\n`).join("");
}
