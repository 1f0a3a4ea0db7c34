import { afterEach } from "@jest/globals";
import catalog from "@trellis/catalog";
import type { AnyController } from "@trellis/controller";
import demo from "@trellis/demo";
import { createTestServer, type TestServer, type TestServerOptions } from "@trellis/testing";

import { createTerminal, type TerminalOptions } from "./terminal.ts";

/** A server in memory with the catalog and demo types, and a terminal that talks to it. */
export interface TestSetup {
  readonly server: TestServer;
  readonly trellis: ReturnType<typeof createTerminal>;
}

/** Makes setups whose servers are closed after each test of the file. */
export function serversOfTest(): (
  options?: Partial<TestServerOptions>,
  terminal?: TerminalOptions,
) => TestSetup {
  const open: TestServer[] = [];
  afterEach(async () => {
    for (const server of open.splice(0)) await server.close();
  });
  return (options = {}, terminal = {}) => {
    const server = createTestServer({
      domains: [catalog, demo],
      // The demo's own controller would add albums to what the tests write.
      controllers: catalog.controllers as readonly AnyController[],
      ...options,
    });
    open.push(server);
    const clock = options.clock === undefined ? {} : { clock: options.clock };
    return { server, trellis: createTerminal(server.transport, { ...clock, ...terminal }) };
  };
}

/** A manifest of a demo artist. */
export function artist(name: string, more = ""): string {
  return `type: demo.v2.Artist\nname: ${name}\n${more}data: {name: ${name}, genre: GENRE_METAL}\n`;
}
