import { describe, expect, it } from "@jest/globals";

import { inspectWal } from "./inspect.ts";
import { crashImage } from "./test-support/crash-image.ts";
import { seededRandom } from "./test-support/seeded-random.ts";
import {
  bytesOf,
  codeOf,
  contentOf,
  entries,
  entry,
  openTestLog,
  reopen,
  settle,
  type TestLog,
} from "./test-support/test-log.ts";

/** Appends entries of about a kilobyte, one record each, up to an index. */
async function appendTo({ wal }: Pick<TestLog, "wal">, index: number): Promise<void> {
  while (wal.lastIndex < index) await wal.append({ entries: [entry(wal.lastIndex + 1, 1, 900)] });
}

/** Marks a snapshot at the last entry but some, and drops what is behind it. */
async function snapshot({ wal }: Pick<TestLog, "wal">, kept = 0): Promise<void> {
  const index = wal.lastIndex - kept;
  await wal.append({ snapshot: { index, term: 1 } });
  await wal.dropBefore(index + 1);
}

describe("segments behind a snapshot mark", () => {
  it("are dropped and written again, so that the directory does not grow", async () => {
    const log = await openTestLog();
    for (let round = 1; round <= 20; round++) {
      await appendTo(log, round * 20);
      await snapshot(log, 5);
      await settle();
      expect(log.disk.present().size).toBeLessThanOrEqual(9);
    }
    expect(log.wal.figures().segmentsRecycled).toBeGreaterThan(20);
    expect(log.wal.figures().segmentsCreated).toBeLessThan(8);
    expect(log.wal).toMatchObject({ firstIndex: 396, lastIndex: 400 });
    await log.wal.close();
    const { wal } = await openTestLog({ disk: log.disk });
    expect(wal).toMatchObject({ lastIndex: 400, snapshot: { index: 395, term: 1 } });
    expect(wal.firstIndex).toBeLessThanOrEqual(396);
    await wal.close();
  });

  it("hold nothing that is ever taken for new, in whatever state the new writing was interrupted", async () => {
    const log = await openTestLog();
    for (let round = 1; round <= 4; round++) {
      await appendTo(log, round * 30);
      await snapshot(log);
    }
    // The segment that is written holds records of its former life, in the places where those of this life go.
    const { segments } = await inspectWal(log.disk);
    const active = segments.findLast(({ records }) => records > 0);
    const stale = log.disk
      .present()
      .get(active?.file ?? "")
      ?.subarray(active?.usedBytes);
    expect(stale?.includes("@1")).toBe(true);
    const events = log.disk.events.length;
    await log.wal.append({ entries: [entry(121, 2, 3000)] });
    const random = seededRandom(1);
    for (let count = 0; count < 200; count++) {
      const at = events + (count % 3);
      const { wal } = await reopen(crashImage(log.disk, { at, tearing: "bytes", random }), { seed: count });
      expect([120, 121]).toContain(wal.lastIndex);
      expect(wal.termOf(120)).toBe(1);
      if (wal.lastIndex === 121) expect((await contentOf(wal)).at(-1)).toContain("121/2/121@2");
      await wal.close();
    }
    await log.wal.close();
  });

  it("keep the hard state, the mark and the last term though the records that said so are gone", async () => {
    const log = await openTestLog();
    await log.wal.append({ hardState: bytesOf("voted"), entries: [entry(1)] });
    await appendTo(log, 40);
    await snapshot(log);
    expect(log.disk.present().has("0000000000000001.wal")).toBe(false);
    const { wal } = await reopen(log.disk.present());
    expect(Buffer.from(wal.hardState ?? []).toString()).toBe("voted");
    expect(wal).toMatchObject({ snapshot: { index: 40, term: 1 }, lastIndex: 40 });
    expect(wal.termOf(40)).toBe(1);
    await wal.append({ entries: [entry(41)] });
  });

  it("are not dropped for a mark that is not durable yet", async () => {
    const log = await openTestLog();
    await appendTo(log, 40);
    let release = (): void => undefined;
    log.disk.gate = async ({ kind, name }) => {
      if (kind === "sync" && name.endsWith(".wal")) await new Promise<void>((resolve) => (release = resolve));
    };
    const mark = log.wal.append({ snapshot: { index: 40, term: 1 } });
    await settle();
    expect(await codeOf(log.wal.dropBefore(41))).toBe("invalid");
    log.disk.gate = undefined;
    release();
    await mark;
    await log.wal.dropBefore(41);
    expect(log.wal.firstIndex).toBe(41);
    await log.wal.close();
  });

  it("are not dropped before the next segment states the hard state and the mark, durably", async () => {
    const log = await openTestLog();
    await appendTo(log, 10);
    await log.wal.append({ snapshot: { index: 10, term: 1 }, hardState: bytesOf("voted") });
    let release = (): void => undefined;
    log.disk.gate = async ({ kind, name }) => {
      if (kind === "sync" && name.endsWith(".wal")) await new Promise<void>((resolve) => (release = resolve));
    };
    const append = log.wal.append({ entries: [entry(11, 1, 3000)] });
    await settle();
    await log.wal.dropBefore(11);
    const at = log.disk.events.length;
    const { wal } = await reopen(crashImage(log.disk, { at, tearing: "none", random: Math.random }));
    expect(wal.snapshot).toEqual({ index: 10, term: 1 });
    expect(Buffer.from(wal.hardState ?? []).toString()).toBe("voted");
    log.disk.gate = undefined;
    release();
    await append;
    await settle();
    expect(log.wal.figures().segments).toBe(1);
    await log.wal.close();
  });

  it("are not dropped beyond the mark", async () => {
    const log = await openTestLog();
    await appendTo(log, 10);
    expect(await codeOf(log.wal.dropBefore(2))).toBe("invalid");
    await log.wal.append({ snapshot: { index: 5, term: 1 } });
    expect(await codeOf(log.wal.dropBefore(7))).toBe("invalid");
    expect(await codeOf(log.wal.dropBefore(Number.NaN))).toBe("invalid");
    await log.wal.dropBefore(6);
    await log.wal.dropBefore(3);
    expect(log.wal.firstIndex).toBe(6);
    await log.wal.close();
  });

  it("go one after the other, so that a power failure leaves no gap", async () => {
    const log = await openTestLog();
    await appendTo(log, 100);
    await log.wal.append({ snapshot: { index: 100, term: 1 } });
    const from = log.disk.events.length;
    await log.wal.dropBefore(101);
    const random = seededRandom(3);
    for (let at = from; at <= log.disk.events.length; at++) {
      for (let count = 0; count < 5; count++) {
        const { wal } = await reopen(crashImage(log.disk, { at, tearing: "mixed", random }));
        expect(wal).toMatchObject({ lastIndex: 100, snapshot: { index: 100, term: 1 } });
      }
    }
    await log.wal.close();
  });

  it("are not dropped while somebody reads them, and are afterwards", async () => {
    const log = await openTestLog();
    await appendTo(log, 40);
    await log.wal.append({ snapshot: { index: 40, term: 1 } });
    let release = (): void => undefined;
    log.disk.gate = async ({ kind }) => {
      if (kind === "read") await new Promise<void>((resolve) => (release = resolve));
    };
    const reading = log.wal.read({ from: 1, before: 3 }, { maxBytes: 2000 });
    await settle();
    await log.wal.dropBefore(41);
    expect(log.disk.present().has("0000000000000001.wal")).toBe(true);
    log.disk.gate = undefined;
    release();
    expect((await reading).map(({ index }) => index)).toEqual([1, 2]);
    await settle();
    expect(log.disk.present().has("0000000000000001.wal")).toBe(false);
    await log.wal.close();
  });

  it("are dropped after an installed snapshot, with all the entries that it replaced", async () => {
    const log = await openTestLog();
    await appendTo(log, 40);
    await log.wal.append({
      snapshot: { index: 1000, term: 2, installed: true },
      entries: entries(1001, 2, 2),
    });
    await log.wal.dropBefore(1001);
    expect(log.wal.figures().segments).toBe(1);
    const { wal } = await reopen(log.disk.present());
    expect(wal).toMatchObject({ firstIndex: 1001, lastIndex: 1002, snapshot: { index: 1000, term: 2 } });
  });

  it("stay readable when their entries were overwritten from before the first one that is kept", async () => {
    const log = await openTestLog();
    await appendTo(log, 60);
    await log.wal.append({ snapshot: { index: 20, term: 1 } });
    await log.wal.append({ entries: entries(21, 2, 5) });
    await log.wal.dropBefore(21);
    expect(log.wal.figures().segments).toBe(1);
    const { wal } = await reopen(log.disk.present());
    expect(wal).toMatchObject({ firstIndex: 21, lastIndex: 22 });
    expect([20, 21, 22].map((index) => wal.termOf(index))).toEqual([1, 5, 5]);
  });
});

describe("a segment that is being prepared", () => {
  it("is waited for when the log is faster, and nothing is refused", async () => {
    const log = await openTestLog({ limits: { segmentsAhead: 1 } });
    let waiting: (() => void)[] = [];
    log.disk.gate = async ({ kind, name }) => {
      if (kind === "write" && name.endsWith(".tmp"))
        await new Promise<void>((resolve) => waiting.push(resolve));
    };
    const appends = entries(1, 40, 1, 900).map((one) => log.wal.append({ entries: [one] }));
    for (let turn = 0; turn < 20; turn++) {
      await settle();
      for (const release of waiting) release();
      waiting = [];
    }
    await Promise.all(appends);
    log.disk.gate = undefined;
    expect(log.wal).toMatchObject({ state: "open", lastIndex: 40 });
    await log.wal.close();
  });
});
