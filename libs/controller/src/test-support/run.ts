import demo, { v1, v2 } from "@trellis/demo";
import type { TypedResource } from "@trellis/resource";
import { createTestServer, createVirtualClock, type Faults, type TestServerOptions } from "@trellis/testing";

import type { ControllerLog, Request } from "../controller.ts";
import type { AnyController } from "../define.ts";

export const { Artist, Album, Festival } = v2;
export const { RecordLabel, Executive } = v1;

/** One line of a log. */
export interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** Controllers that run on a server in memory, on virtual time. */
export function createRun(controllers: readonly AnyController[], options: Partial<TestServerOptions> = {}) {
  const clock = createVirtualClock();
  const lines: LogLine[] = [];
  const line = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message });
  const log: ControllerLog = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  const faults: Faults = {};
  const server = createTestServer({
    domains: [demo],
    controllers,
    clock,
    log,
    controllerFaults: faults,
    ...options,
  });
  const { client, runtime } = server;
  return {
    server,
    client,
    clock,
    faults,
    lines,
    settled: () => server.settled(),
    close: () => server.close(),
    status: (name: string) => {
      const found = runtime.status().controllers.find((controller) => controller.name === name);
      if (found === undefined) throw new Error(`no controller ${name}`);
      return found;
    },
    artist: async (name: string, artist = "x", metadata: Record<string, string> = {}) =>
      (await client.write(Artist, { name, metadata, data: { name: artist } })).resource,
    album: async (name: string, owner?: TypedResource["id"], title = "x") =>
      (await client.write(Album, { name, owner, data: { title } })).resource,
    festival: async (name: string, ...artists: string[]) =>
      (
        await client.write(Festival, {
          name,
          data: { name, artists: artists.map((artist) => ({ name: artist })) },
        })
      ).resource,
  };
}

export type Run = ReturnType<typeof createRun>;

/** The name of a request, with its tenancy when that is not the default one. */
export function nameOf({ partition, namespace, name }: Request): string {
  return partition === "default" && namespace === "default" ? name : `${partition}/${namespace}/${name}`;
}

/** What a list of names has collected, and a fresh start. */
export function drain(names: string[]): string[] {
  return names.splice(0);
}
