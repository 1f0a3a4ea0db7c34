import type { Append, Entry } from "../entry.ts";
import { WalError } from "../errors.ts";
import type { WalLimits } from "../limits.ts";
import { openWal } from "../open-wal.ts";
import type { Wal, WalState } from "../wal.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { seededRandom } from "./seeded-random.ts";
import { type DiskImage, SimulatedDisk } from "./simulated-disk.ts";

/** Bounds so small that a test rotates and recycles within a few appends. */
export const SMALL_LIMITS: WalLimits = {
  segmentBytes: 16 * 1024,
  segmentsAhead: 2,
  spareSegments: 2,
  appendBytes: 4096,
  batchBytes: 8192,
  hardStateBytes: 256,
  queuedAppends: 64,
  queuedBytes: 64 * 1024,
  readBytes: 64 * 1024,
  spaceRetryMs: 1000,
};

export interface TestLog {
  readonly wal: Wal;
  readonly disk: SimulatedDisk;
  readonly clock: ManualClock;
  readonly states: readonly WalState[];
}

export interface TestLogOptions {
  readonly disk?: SimulatedDisk;
  readonly limits?: Partial<WalLimits>;
  readonly seed?: number;
  readonly create?: boolean;
}

/** Opens a log on a simulated disk. */
export async function openTestLog(options: TestLogOptions = {}): Promise<TestLog> {
  const { disk = new SimulatedDisk(), limits = {}, seed = 1, create = true } = options;
  const clock = createManualClock();
  const states: WalState[] = [];
  const wal = await openWal(
    { disk, clock, random: seededRandom(seed) },
    { limits: { ...SMALL_LIMITS, ...limits }, create, onState: (state) => states.push(state) },
  );
  return { wal, disk, clock, states };
}

/** Opens the log that an image of a disk holds. */
export async function reopen(image: DiskImage, options: Omit<TestLogOptions, "disk"> = {}): Promise<TestLog> {
  return await openTestLog({ seed: 2, ...options, disk: new SimulatedDisk(image) });
}

/** An entry whose bytes tell its index and term. */
export function entry(index: number, term = 1, bytes = 20): Entry {
  return { index, term, bytes: bytesOf(`${index}@${term}`, bytes) };
}

/** Consecutive entries. */
export function entries(from: number, count: number, term = 1, bytes = 20): readonly Entry[] {
  return Array.from({ length: count }, (_, position) => entry(from + position, term, bytes));
}

/** A text, repeated to a length. */
export function bytesOf(text: string, bytes = text.length): Uint8Array {
  return Buffer.alloc(bytes, text);
}

/** Every entry that the log holds, as texts. */
export async function contentOf(wal: Wal): Promise<readonly string[]> {
  const found: string[] = [];
  for (let from = wal.firstIndex; from <= wal.lastIndex;) {
    const read = await wal.read({ from, before: wal.lastIndex + 1 }, { maxBytes: 4096 });
    if (read.length === 0) throw new Error(`reading from entry ${from} of ${wal.lastIndex} gave nothing`);
    found.push(...read.map(textOf));
    from += read.length;
  }
  return found;
}

/** An entry as a text. */
export function textOf({ index, term, bytes }: Entry): string {
  return `${index}/${term}/${Buffer.from(bytes).toString("latin1")}`;
}

/** The code with which a call is refused; undefined when it is not. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return WalError.is(error) ? error.code : String(error);
  }
}

/** The error with which a call is refused. */
export async function errorOf(call: Promise<unknown>): Promise<WalError> {
  try {
    await call;
  } catch (error) {
    if (WalError.is(error)) return error;
    throw error;
  }
  throw new Error("the call was expected to be refused");
}

/** Appends one by one, each after the one before it is durable. */
export async function appendAll(wal: Wal, appends: readonly Append[]): Promise<void> {
  for (const append of appends) await wal.append(append);
}

/** Lets everything that can go on without time passing go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
