import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { Dataset } from "../dataset.ts";
import { fill } from "../fill.ts";
import { GRPC } from "../raw/forms.ts";
import { RawClient } from "../raw/raw-client.ts";
import { TrellisCalls } from "../trellis/trellis-calls.ts";
import { compareRounds } from "./compared.ts";
import { comparedFigures } from "./compared-figures.ts";
import type { MeasurePart } from "./context.ts";
import { type Figure, whole } from "./figure.ts";
import { CONNECTIONS } from "./large-store.ts";
import { recordRequests } from "./record-requests.ts";
import { ScaleServer } from "./scale-server.ts";
import { measureSides, OPERATIONS, roundFailures, type Side } from "./side-by-side.ts";

const TYPES = 100;
/** Resources in each of both servers. */
const STORED = 100_000;

/** A server, and how it is put away. */
interface TypedSide extends Side {
  readonly memoryBytes: number;
  readonly close: () => Promise<void>;
}

/** Reads and writes that are spread over a hundred types, beside a server with one type and as many resources. */
export const measureTypes: MeasurePart = async ({ directory, resources, times, tell }) => {
  const stored = Math.min(STORED, resources);
  const sides: TypedSide[] = [];
  try {
    for (const types of [1, TYPES]) {
      tell(`types: writes ${whole(stored)} resources of ${types} types to a server of its own`);
      sides.push(await startSide(directory, { types, stored, settleMs: times.settleMs }));
    }
    const [one, many] = sides as [TypedSide, TypedSide];
    const figures: Figure[] = [];
    const failures: string[] = [];
    for (const operation of OPERATIONS) {
      tell(`types: ${operation.name}s`);
      const rounds = await measureSides(operation, times, { base: one, other: many });
      const what = `${operation.name} over ${TYPES} types`;
      figures.push(...comparedFigures(what, compareRounds(rounds), { base: "one type" }));
      failures.push(...roundFailures(what, rounds));
    }
    figures.push({
      what: `resident memory of ${TYPES} types with ${whole(stored)} resources, ratio to one type`,
      value: many.memoryBytes / one.memoryBytes,
      unit: "×",
    });
    return { figures, failures };
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
};

async function startSide(
  directory: string,
  { types, stored, settleMs }: { readonly types: number; readonly stored: number; readonly settleMs: number },
): Promise<TypedSide> {
  const name = `types-${types}`;
  const server = await ScaleServer.start(name, directory, domainModule(directory, types));
  try {
    const data = new Dataset(stored);
    const client = await RawClient.open(server.url, CONNECTIONS);
    const calls = new TrellisCalls(client, data, GRPC, recordRequests(types));
    await fill(calls, stored);
    const memoryBytes = await server.settledBytes(settleMs);
    const close = async (): Promise<void> => {
      client.close();
      await server.stop();
    };
    return { name, pid: server.pid, calls, data, memoryBytes, close };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Writes a domain of so many types as a module of its own; its path. */
function domainModule(directory: string, types: number): string {
  const folder = join(directory, `domain-${types}`);
  mkdirSync(folder, { recursive: true });
  const maker = pathToFileURL(join(import.meta.dirname, "many-types.ts")).href;
  const text = `import { manyTypes } from ${JSON.stringify(maker)};\n\nexport default manyTypes(${types});\n`;
  writeFileSync(join(folder, "index.mjs"), text);
  return folder;
}
