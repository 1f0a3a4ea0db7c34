import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { connectClient } from "@trellis/client/node";
import { v2 } from "@trellis/demo";
import { systemClock } from "@trellis/resource";

import { type Standalone, startStandalone } from "./test-support/standalone.ts";

/** Well below the grace that requests under way are given. */
const PROMPT_MS = 3_000;

describe("a standalone server that is told to stop", () => {
  let standalone: Standalone;
  beforeEach(() => {
    standalone = startStandalone(["--listen", "127.0.0.1:0", "--domain", "@trellis/demo"]);
  });
  afterEach(() => standalone.end());

  it.each(["SIGTERM", "SIGINT"] as const)("by %s ends promptly with 0, watches and all", async (signal) => {
    const url = await standalone.url();
    const stop = new AbortController();
    const client = connectClient({ server: url, clock: systemClock, random: Math.random });
    try {
      const watches = [
        untilSynced(client.watch(v2.Album, {}, { signal: stop.signal })),
        untilSynced(client.watch(v2.Album, {}, { signal: stop.signal })),
      ];
      await Promise.all(watches);
      const lines = await fetch(`${url}/api/demo/v2/album?watch`);
      const startedMs = performance.now();
      standalone.signal(signal);
      expect(await standalone.ended).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(PROMPT_MS);
      // A watch ends as a whole answer, or is cut; it does not hang.
      await lines.text().catch(() => undefined);
    } finally {
      stop.abort();
      client.close();
    }
  });

  it("takes the Ctrl-C that the terminal and the package manager both pass on for one", async () => {
    await standalone.url();
    standalone.signal("SIGINT");
    standalone.signal("SIGINT");
    expect(await standalone.ended).toBe(0);
  });

  it("before it has started ends as well", async () => {
    standalone.signal("SIGTERM");
    expect([0, "SIGTERM"]).toContain(await standalone.ended);
  });
});

/** Begins to read a watch and waits for the end of its snapshot; reading goes on behind the scenes. */
async function untilSynced(watch: AsyncIterable<{ readonly kind: string }>): Promise<void> {
  const items = watch[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await items.next();
    if (done === true) throw new Error("the watch ended");
    if (value.kind === "endOfSnapshot") break;
  }
  void (async () => {
    while ((await items.next()).done !== true);
  })().catch(() => undefined);
}
