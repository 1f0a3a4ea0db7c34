import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ServerProcess, startGateway } from "@trellis/testkit";

import { Dataset } from "./dataset.ts";
import { fill } from "./fill.ts";
import { CONNECT, type Form, GRPC, JSON_FORM } from "./raw/forms.ts";
import { RawClient } from "./raw/raw-client.ts";
import { TrellisCalls } from "./trellis/trellis-calls.ts";
import { openWatchers } from "./watchers.ts";

const KEYS = 1_000;
const FORMS: readonly (readonly [string, Form])[] = [
  ["gRPC", GRPC],
  ["Connect", CONNECT],
  ["Connect with JSON", JSON_FORM],
];

describe("the calls of the bench", () => {
  let server: ServerProcess;
  let client: RawClient;
  const data = new Dataset(KEYS);
  const callsOver = (form: Form): TrellisCalls => new TrellisCalls(client, data, form);

  beforeAll(async () => {
    server = await startGateway({ domains: ["@trellis/demo"] });
    client = await RawClient.open(server.url, 2);
    await fill(callsOver(GRPC), KEYS);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  it.each(FORMS)("write what is new and what is there over %s, each as a new version", async (_, form) => {
    const calls = callsOver(form);
    for (const item of [1, data.newItem()]) {
      const before = data.version(item);
      await calls.write(0, item);
      const written = data.version(item);
      expect(written).toBeGreaterThan(before);
      await calls.write(1, item);
      expect(data.version(item)).toBeGreaterThan(written);
    }
  });

  it.each(FORMS)("read over %s, and fail for what is not there", async (_, form) => {
    const calls = callsOver(form);
    await calls.read(0, 2, true);
    await calls.read(1, 2, false);
    await expect(calls.read(0, 99_999_999, false)).rejects.toThrow(
      form === GRPC ? "grpc-status 5" : "HTTP 404",
    );
  });

  it("swap a resource only as it was last seen", async () => {
    const calls = callsOver(GRPC);
    await calls.compareAndSwap(0, 3);
    await calls.compareAndSwap(0, 3);
    // Somebody else, of whom this dataset does not know.
    const other = new Dataset(KEYS);
    await new TrellisCalls(client, other, GRPC).write(0, 3);
    await expect(calls.compareAndSwap(0, 3)).rejects.toThrow("grpc-status 10");
  });

  it("list a thousand, and write many at once", async () => {
    const calls = callsOver(GRPC);
    expect(await calls.list(0, 0)).toBe(1_000);
    await calls.writeMany(0, [4, 5, 6], true);
    // One commit has one version.
    const versions = [4, 5, 6].map((item) => data.version(item));
    expect(new Set(versions).size).toBe(1);
    await calls.writeMany(0, [4, 5, 6], false);
    expect(data.version(4)).toBeGreaterThan(versions[0] ?? 0);
    for (const together of [true, false])
      await expect(calls.writeMany(0, [], together)).rejects.toThrow("grpc-status 3");
  });

  it("see each change in each watch once, and say when a watch ends", async () => {
    const calls = callsOver(GRPC);
    const watchers = await openWatchers(calls, { count: 10, item: 7 });
    for (let change = 0; change < 5; change++) {
      const delivered = watchers.next();
      await calls.write(0, 7);
      await delivered;
    }
    const never = watchers.next();
    watchers.close();
    await expect(never).rejects.toThrow("the stream ended");
    await expect(watchers.next()).rejects.toThrow("the stream ended");
  });

  it("fail when the connection is gone, and when there is nobody", async () => {
    const gone = await RawClient.open(server.url, 1);
    gone.close();
    await expect(new TrellisCalls(gone, data, GRPC).read(0, 1, false)).rejects.toThrow("connection");
    await expect(RawClient.open("http://127.0.0.1:1", 1)).rejects.toThrow("ECONNREFUSED");
  });
});
