import { describe, expect, it } from "@jest/globals";

import { CallFailure } from "./raw/call-failure.ts";
import type { Watch } from "./store-calls.ts";
import { openInTurns, openWatchers } from "./watchers.ts";

function liveWatch(): Watch {
  return { live: Promise.resolve(), ended: new Promise<never>(() => undefined), close: () => undefined };
}

function endedWatch(code: string): Watch {
  const ended = Promise.reject<never>(new CallFailure(code, "the stream ended"));
  ended.catch(() => undefined);
  return { live: new Promise(() => undefined), ended, close: () => undefined };
}

describe("many watches", () => {
  it("are opened a thousand at a time", async () => {
    let opened = 0;
    let live = 0;
    const watches = await openInTurns(
      2_500,
      () => {
        opened += 1;
        expect(opened - live).toBeLessThanOrEqual(1_000);
        return { ...liveWatch(), live: Promise.resolve().then(() => void (live += 1)) };
      },
      false,
    );
    expect(watches).toHaveLength(2_500);
  });

  it("are fewer where a system takes no more, if that may be", async () => {
    const watch = (client: number): Watch => (client === 1 ? endedWatch("grpc-status 8") : liveWatch());
    const many = { count: 3, item: 0 };
    expect((await openWatchers({ watch }, { ...many, mayRefuse: true })).count).toBe(2);
    await expect(openWatchers({ watch }, many)).rejects.toThrow("grpc-status 8");
  });

  it("fail for every other end", async () => {
    await expect(openInTurns(1, () => endedWatch("grpc-status 14"), true)).rejects.toThrow("grpc-status 14");
  });

  it("tell once all of them had as many events as there were changes", async () => {
    const told: ((count: number) => void)[] = [];
    const watch = (_client: number, _item: number, onEvents: (count: number) => void): Watch => {
      told.push(onEvents);
      return liveWatch();
    };
    const watchers = await openWatchers({ watch }, { count: 2, item: 0 });
    let delivered = false;
    const next = watchers.next().then(() => (delivered = true));
    told[0]?.(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(delivered).toBe(false);
    told[1]?.(1);
    await next;
    expect(delivered).toBe(true);
  });
});
