import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually, freePorts } from "@trellis/testkit";

import { Network } from "./network.ts";
import { inodeOf } from "./who-connects.ts";

const SOON_MS = 10_000;
const THERE = { from: "tests", to: "echo" };
const BACK = { from: "echo", to: "tests" };

let server: Server;
let network: Network;
let client: Socket;
let received: string;
let answered: string;
let hasEnded: boolean;

beforeEach(async () => {
  received = "";
  answered = "";
  hasEnded = false;
  server = createServer((socket) => {
    socket.on("error", () => undefined).on("end", () => (hasEnded = true));
    socket.on("data", (piece) => {
      received += piece.toString();
      socket.write(piece.toString().toUpperCase());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const [port = 0] = await freePorts(1);
  network = new Network(() => new Map([["tests", process.pid]]));
  const { port: target } = server.address() as AddressInfo;
  await network.relay({ name: "echo", port, targets: () => [target] });
  client = connect({ port, host: "127.0.0.1" });
  client.on("error", () => undefined).on("data", (piece) => (answered += piece.toString()));
  client.write("a");
  await eventually(() => expect(answered).toBe("A"), SOON_MS);
});
afterEach(async () => {
  client.destroy();
  await network.close();
  await new Promise((resolve) => server.close(resolve));
});

describe("the network of the chaos", () => {
  it("knows who is connected to whom", () => {
    expect(network.pairs()).toEqual([THERE]);
  });

  it("holds back what goes one way, and nothing else, until it is mended", async () => {
    network.cut(BACK);
    client.write("b");
    await eventually(() => expect(received).toBe("ab"), SOON_MS);
    network.cut(THERE);
    client.write("c");
    network.mend(BACK);
    await eventually(() => expect(answered).toBe("AB"), SOON_MS);
    expect(received).toBe("ab");
    network.mend(THERE);
    await eventually(() => expect(answered).toBe("ABC"), SOON_MS);
  });

  it("keeps a way cut that was cut twice until it was mended twice", async () => {
    network.cut(THERE);
    network.cut(THERE);
    client.write("b");
    network.mend(THERE);
    network.cut(BACK);
    network.mend(BACK);
    expect(received).toBe("a");
    network.mend(THERE);
    await eventually(() => expect(answered).toBe("AB"), SOON_MS);
  });

  it("tells nobody of the end of a connection before the cut is mended", async () => {
    network.cut(THERE);
    client.end("b");
    // What comes back shows that the end would be there by now.
    network.cut(BACK);
    network.mend(BACK);
    expect([received, hasEnded]).toEqual(["a", false]);
    network.mend(THERE);
    await eventually(() => expect([received, hasEnded]).toEqual(["ab", true]), SOON_MS);
    await eventually(() => expect(network.pairs()).toEqual([]), SOON_MS);
  });

  it("goes to another where several do the same, and one is not there", async () => {
    const [nobody = 0, port = 0] = await freePorts(2);
    const { port: target } = server.address() as AddressInfo;
    await network.relay({ name: "either", port, targets: () => [nobody, target] });
    const other = connect({ port, host: "127.0.0.1" });
    other.write("x");
    await eventually(() => expect(received).toBe("ax"), SOON_MS);
    other.destroy();
  });

  it("breaks connections of a pair", async () => {
    expect(network.reset({ from: "echo", to: "others" })).toBe(0);
    expect(network.reset(BACK)).toBe(1);
    await eventually(() => expect(client.destroyed).toBe(true), SOON_MS);
    expect(network.pairs()).toEqual([]);
  });
});

describe("the table of sockets", () => {
  it("tells an inode by both ports", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   0: 0100007F:1D4C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0",
      "   1: 0100007F:9C40 0100007F:1D4C 01 00000000:00000000 02:00000A1B 00000000  1000        0 222 2 0 20 4 30 10 -1",
    ].join("\n");
    expect(inodeOf(table, { from: 40_000, to: 7_500 })).toBe("222");
    expect(inodeOf(table, { from: 7_500, to: 40_000 })).toBeUndefined();
  });
});
