import { describe, expect, it } from "@jest/globals";
import { Partition } from "./index.ts";

import { startCluster } from "./test-support/cluster.ts";

const CALLS = 50;

describe("a client within the process", () => {
  it.each(["client", "system"] as const)(
    "lets everybody else have a turn of the event loop with each call (%s)",
    async (caller) => {
      const cluster = await startCluster();
      let turns = 0;
      let done = false;
      const count = (): void => {
        turns += 1;
        if (!done) setImmediate(count);
      };
      setImmediate(count);
      for (let call = 0; call < CALLS; call++) await cluster[caller].read(Partition, { name: "default" });
      done = true;
      expect(turns).toBeGreaterThanOrEqual(CALLS);
      await cluster.stop();
    },
  );
});
