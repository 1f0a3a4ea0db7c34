import { describe, expect, it } from "@jest/globals";

import { WalError } from "./errors.ts";
import { crashImage } from "./test-support/crash-image.ts";
import {
  afterAppend,
  differenceFrom,
  EMPTY_MODEL,
  type LogModel,
  showLog,
} from "./test-support/log-model.ts";
import { randomAppend } from "./test-support/random-load.ts";
import { below, seededRandom } from "./test-support/seeded-random.ts";
import {
  type DiskFault,
  type DiskImage,
  type DiskOperation,
  SimulatedDisk,
} from "./test-support/simulated-disk.ts";
import {
  bytesOf,
  codeOf,
  entries,
  entry,
  errorOf,
  openTestLog,
  reopen,
  settle,
} from "./test-support/test-log.ts";

interface Run {
  readonly disk: SimulatedDisk;
  readonly models: readonly LogModel[];
  readonly acknowledged: number;
  /** How the run ended; undefined when nothing came of the fault. */
  readonly error: unknown;
  readonly operations: number;
}

/** Runs appends, marks and drops, until the fault at one of the disk's operations ends it. */
async function runWithFault(
  seed: number,
  faultAt: number,
  faultOf: (operation: DiskOperation) => DiskFault | undefined,
): Promise<Run> {
  const random = seededRandom(seed);
  const disk = new SimulatedDisk();
  const models: LogModel[] = [EMPTY_MODEL];
  let [operations, acknowledged] = [0, 0];
  disk.fault = (operation) => (operations++ === faultAt ? faultOf(operation) : undefined);
  try {
    const { wal } = await openTestLog({ disk, seed });
    for (let count = 0; count < 60; count++) {
      const append = randomAppend(models.at(-1) ?? EMPTY_MODEL, random);
      models.push(afterAppend(models.at(-1) ?? EMPTY_MODEL, append));
      await wal.append(append);
      acknowledged++;
      if (wal.snapshot !== undefined && random() < 0.3) await wal.dropBefore(wal.snapshot.index + 1);
    }
    await wal.close();
    return { disk, models, acknowledged, error: undefined, operations };
  } catch (error) {
    return { disk, models, acknowledged, error, operations };
  }
}

/** Holds what a log holds after the run against what it may hold. */
async function judge({ models, acknowledged }: Run, image: DiskImage): Promise<void> {
  const { wal } = await reopen(image);
  const shown = await showLog(wal);
  const mark = (wal.snapshot?.index ?? 0) + 1;
  const fits = models.slice(acknowledged).some((model) => differenceFrom(model, shown, mark) === undefined);
  if (!fits) {
    throw new Error(
      `after ${acknowledged} of ${models.length - 1} appends were acknowledged the log shows ${JSON.stringify(shown)}`,
    );
  }
  await wal.close();
}

/** Runs a fault at every operation of a run. */
async function atEveryOperation(
  faultOf: (operation: DiskOperation) => DiskFault | undefined,
  check: (run: Run, at: number) => Promise<void>,
): Promise<number> {
  const seed = 3;
  const { operations } = await runWithFault(seed, -1, faultOf);
  let ended = 0;
  for (let at = 0; at < operations; at++) {
    const run = await runWithFault(seed, at, faultOf);
    if (run.error !== undefined) ended++;
    await check(run, at);
  }
  return ended;
}

describe("a disk that fails", () => {
  it("with EIO at any operation ends the log, and nothing that was acknowledged is lost", async () => {
    const random = seededRandom(1);
    const eio = ({ bytes }: DiskOperation): DiskFault => ({
      kind: "error",
      code: "EIO",
      afterBytes: below(bytes + 1, random),
    });
    const ended = await atEveryOperation(eio, async (run) => {
      expect(run.error === undefined || WalError.is(run.error)).toBe(true);
      await judge(run, run.disk.present());
      const at = run.disk.events.length;
      await judge(run, crashImage(run.disk, { at, tearing: "mixed", random }));
    });
    expect(ended).toBeGreaterThan(150);
  });

  it("with ENOSPC at any operation loses nothing that was acknowledged", async () => {
    const random = seededRandom(2);
    const enospc = ({ kind, bytes }: DiskOperation): DiskFault | undefined =>
      ["write", "sync", "create", "rename", "syncDirectory"].includes(kind)
        ? { kind: "error", code: "ENOSPC", afterBytes: below(bytes + 1, random) }
        : undefined;
    await atEveryOperation(enospc, async (run) => {
      expect(run.error === undefined || WalError.is(run.error)).toBe(true);
      await judge(run, run.disk.present());
      const at = run.disk.events.length;
      await judge(run, crashImage(run.disk, { at, tearing: "mixed", random }));
    });
  });

  it("with short writes anywhere is written to until all is there", async () => {
    const random = seededRandom(3);
    const short = ({ bytes }: DiskOperation): DiskFault => ({ kind: "short", bytes: below(bytes, random) });
    const ended = await atEveryOperation(short, async (run) => {
      expect(run.acknowledged).toBe(60);
      await judge(run, crashImage(run.disk, { at: run.disk.events.length, tearing: "none", random }));
    });
    expect(ended).toBe(0);
  });

  it("with a bit that changes in any write is found out at the next start, naming the file, or harmed nothing", async () => {
    const random = seededRandom(4);
    let [named, operations] = [0, 0];
    const flip = ({ bytes }: DiskOperation): DiskFault => ({ kind: "flip", bit: below(bytes * 8, random) });
    await atEveryOperation(flip, async (run) => {
      operations++;
      const image = crashImage(run.disk, { at: run.disk.events.length, tearing: "none", random });
      try {
        await judge(run, image);
      } catch (error) {
        expect(error).toMatchObject({ code: "damaged" });
        expect((error as WalError).file).toMatch(/\.wal$/);
        named++;
      }
    });
    expect(named).toBeGreaterThan(operations / 20);
  });
});

describe("a failed sync", () => {
  it("is final: nothing is written or synced after it, and every append is refused", async () => {
    const { wal, disk, states } = await openTestLog();
    await wal.append({ entries: entries(1, 2) });
    // The system reports a failure once; what it then calls synced is not.
    let failures = 1;
    disk.fault = ({ kind }) =>
      kind === "sync" && failures-- > 0 ? { kind: "error", code: "EIO" } : undefined;
    const first = wal.append({ entries: entries(3, 1) });
    await Promise.resolve();
    await Promise.resolve();
    const queued = wal.append({ entries: entries(4, 1) });
    const [one, two] = await Promise.allSettled([first, queued]);
    expect(one).toMatchObject({ reason: { code: "outcome-unknown", cause: { code: "EIO" } } });
    expect(two).toMatchObject({ status: "rejected" });
    const events = disk.events.length;
    await settle();
    expect(await errorOf(wal.append({ hardState: bytesOf("x") }))).toMatchObject({
      code: "stopped",
      cause: { code: "EIO" },
    });
    expect(await codeOf(wal.dropBefore(1))).toBe("stopped");
    expect(wal).toMatchObject({ state: "stopped", lastIndex: 2, failure: { code: "stopped" } });
    expect(states).toEqual(["stopped"]);
    // Reads go on.
    expect(await wal.read({ from: 1, before: 3 })).toHaveLength(2);
    await wal.close();
    expect(disk.events).toHaveLength(events);
    expect(wal.state).toBe("closed");
  });

  it("is not taken for a full disk, even when it says so", async () => {
    const { wal, disk } = await openTestLog();
    disk.fault = ({ kind }) => (kind === "sync" ? { kind: "error", code: "ENOSPC" } : undefined);
    expect(await codeOf(wal.append({ entries: entries(1, 2) }))).toBe("outcome-unknown");
    expect(wal.state).toBe("stopped");
    await wal.close();
  });

  it("of the end mark makes closing fail, and the directory is free all the same", async () => {
    const { wal, disk } = await openTestLog();
    await wal.append({ entries: entries(1, 2) });
    disk.fault = ({ kind }) => (kind === "sync" ? { kind: "error", code: "EIO" } : undefined);
    expect(await codeOf(wal.close())).toBe("outcome-unknown");
    disk.fault = undefined;
    const again = (await openTestLog({ disk })).wal;
    expect(again.lastIndex).toBe(2);
    await again.close();
  });
});

describe("a failure of the background work", () => {
  it("ends the log, since a disk that fails there cannot be trusted here", async () => {
    const { wal, disk } = await openTestLog();
    disk.fault = ({ kind, name }) =>
      kind === "sync" && name.endsWith(".tmp") ? { kind: "error", code: "EIO" } : undefined;
    let index = 1;
    const fill = async (): Promise<void> => {
      for (; index < 100; index++) await wal.append({ entries: [entry(index, 1, 900)] });
    };
    expect(await codeOf(fill())).toMatch(/stopped|outcome-unknown/);
    expect(wal.state).toBe("stopped");
    const { wal: again } = await reopen(disk.present());
    expect(again.lastIndex).toBeGreaterThanOrEqual(index - 1);
    await wal.close();
  });

  it("at the start refuses to open", async () => {
    const disk = new SimulatedDisk();
    disk.fault = ({ kind }) => (kind === "syncDirectory" ? { kind: "error", code: "EIO" } : undefined);
    expect(await errorOf(openTestLog({ disk }))).toMatchObject({ code: "io" });
    disk.fault = undefined;
    await (await openTestLog({ disk })).wal.close();
  });
});
