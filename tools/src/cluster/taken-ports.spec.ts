import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { refuseTakenPorts } from "./taken-ports.ts";

describe("ports of a cluster", () => {
  let server: Server;
  let port: number;

  beforeEach(async () => {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => void server.close());

  it("that another program has are told, each with whose it would be", async () => {
    const taken = { name: "gateway-1", port };
    await expect(refuseTakenPorts([taken])).rejects.toThrow(
      `127.0.0.1:${port} (gateway-1) is in use by another program; stop it first`,
    );
    await expect(refuseTakenPorts([taken, { name: "node-1", port }])).rejects.toThrow(
      `127.0.0.1:${port} (gateway-1), 127.0.0.1:${port} (node-1) are in use`,
    );
  });

  it("that nobody has are left free", async () => {
    server.close();
    await once(server, "close");
    const mine = { name: "node-1", port };
    await refuseTakenPorts([mine]);
    await refuseTakenPorts([mine]);
  });
});
