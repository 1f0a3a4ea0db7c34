import { afterEach, describe, expect, it } from "@jest/globals";
import { connectClient } from "@trellis/client/node";
import { silentLog } from "@trellis/server";
import { type Backend, StorageError } from "@trellis/storage";
import { createMemoryBackend } from "@trellis/storage-memory";
import { Partition } from "@trellis/system";
import { createVirtualClock } from "@trellis/testing";

import { createGateway } from "./gateway.ts";

const clock = createVirtualClock();
const deps = { clock, random: Math.random };
const LISTEN = { host: "127.0.0.1", port: 0 };

/** A gateway with a commit under way that waits until it is let, or until the backend is closed. */
async function withCommitUnderWay(graceMs: number) {
  const memory = createMemoryBackend(deps);
  const [begun, letting, closed] = [0, 1, 2].map(() => Promise.withResolvers<void>());
  let holds = false;
  const backend: Backend = {
    ...memory,
    async commit(operations, options) {
      if (holds) {
        begun?.resolve();
        const isClosed = closed?.promise.then(() => true);
        if ((await Promise.race([letting?.promise, isClosed])) === true)
          throw new StorageError("unavailable", "the backend is closed");
      }
      return await memory.commit(operations, options);
    },
    async close() {
      closed?.resolve();
      await memory.close();
    },
  };
  const gateway = createGateway(
    {
      ...deps,
      backend,
      domains: [],
      processSecret: "s".repeat(64),
      clusterSecret: undefined,
      log: silentLog,
    },
    { listen: LISTEN, limits: { graceMs } },
  );
  const { url } = await gateway.start();
  const client = connectClient({ server: url, attempts: 1 });
  ending = () => {
    client.close();
  };
  holds = true;
  const write = client.write(Partition, { name: "a", data: {} }).then(
    () => "written",
    (error: unknown) => String(error),
  );
  await begun?.promise;
  return { gateway, write, letGo: () => letting?.resolve() };
}

let ending: () => void = () => undefined;
afterEach(() => {
  ending();
});

describe("a gateway that is told to stop", () => {
  it.each([5_000, 400, 1])("lets what is under way finish within its grace, of %i ms", async (graceMs) => {
    const { gateway, write, letGo } = await withCommitUnderWay(graceMs);
    const stopped = gateway.stop();
    await clock.advance(Math.max(0, graceMs / 2 - 1));
    letGo();
    expect(await write).toBe("written");
    await clock.advance(graceMs);
    await stopped;
  });

  it("answers what still waits for the storage before its connection is cut", async () => {
    const { gateway, write } = await withCommitUnderWay(400);
    const stopped = gateway.stop();
    await clock.advance(200);
    expect(await write).toContain("the backend is closed");
    await clock.advance(200);
    await stopped;
  });
});
