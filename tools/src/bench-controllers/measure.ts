import { fork } from "node:child_process";

import { create } from "@bufbuild/protobuf";
import { type ConnectedClient, connectClient } from "@trellis/client/node";
import { OperationSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { startGateway } from "@trellis/testkit";

import { album } from "../bench/albums.ts";
import { inRepository } from "../repository.ts";
import type { RoundFigures } from "./figures.ts";

/** Writes in one request while the store is filled, and requests under way. */
const BATCH = 500;
const FILL_REQUESTS = 4;
/** How long a manager may take to reconcile everything. */
const ROUND_TIMEOUT_MS = 300_000;

/** How to measure. */
export interface ControllerBenchOptions {
  readonly resources: number;
  readonly rounds: number;
  readonly tell: (what: string) => void;
}

/** Starts a server with resources, and managers against it, one after the other, each in a process of its own. Throws when one fails. */
export async function measureControllers({
  resources,
  rounds,
  tell,
}: ControllerBenchOptions): Promise<readonly RoundFigures[]> {
  const server = await startGateway({ domains: ["@trellis/demo"] });
  try {
    const client = connectClient({ server: server.url });
    await fill(client, resources);
    client.close();
    tell(`${resources} resources written`);
    const figures: RoundFigures[] = [];
    for (let round = 1; round <= rounds; round++) {
      figures.push(await runManager(server.url, resources));
      tell(`round ${round}: ${JSON.stringify(figures.at(-1))}`);
    }
    return figures;
  } finally {
    await server.stop();
  }
}

async function fill(client: ConnectedClient, resources: number): Promise<void> {
  let next = 0;
  const writeBatches = async (): Promise<void> => {
    while (next < resources) {
      const first = next;
      next = Math.min(resources, first + BATCH);
      const operations = Array.from({ length: next - first }, (_, at) =>
        create(OperationSchema, {
          operation: { case: "write", value: { resource: album(first + at, 0) } },
        }),
      );
      const { results } = await client.resources.batchWrite({ operations });
      const failed = results.find(({ result }) => result.case === "error");
      if (failed !== undefined)
        throw new Error(`an album was not written: ${JSON.stringify(failed.result.value)}`);
    }
  };
  await Promise.all(Array.from({ length: FILL_REQUESTS }, writeBatches));
}

/** One manager from its start to its end; its figures. */
function runManager(server: string, resources: number): Promise<RoundFigures> {
  return new Promise((resolve, reject) => {
    const program = inRepository("tools/src/bench-controllers/manager-program.ts");
    const child = fork(program, [server, String(resources)], {
      execArgv: ["--expose-gc", "--no-warnings"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), ROUND_TIMEOUT_MS);
    let figures: RoundFigures | undefined;
    child.on("message", (message) => (figures = message as RoundFigures));
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (figures !== undefined && code === 0) resolve(figures);
      else
        reject(
          new Error(
            `a manager ended with ${signal ?? code} and ${figures === undefined ? "no" : "its"} figures`,
          ),
        );
    });
  });
}
