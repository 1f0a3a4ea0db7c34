import type { Append } from "../entry.ts";
import { afterAppend, EMPTY_MODEL, lastIndexOf, type LogModel } from "./log-model.ts";
import { below } from "./seeded-random.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { bytesOf, entries, openTestLog, type TestLogOptions } from "./test-log.ts";

/** An append that a Raft node might do in a state of its log. */
export function randomAppend(model: LogModel, random: () => number): Append {
  const [lastIndex, markIndex] = [lastIndexOf(model), model.snapshot?.index ?? 0];
  const kind = random();
  const hardState = random() < 0.4 ? { hardState: bytesOf(`hard state ${below(1e6, random)}`) } : {};
  const term = model.lastTerm + (random() < 0.1 ? 1 : 0);
  const size = 1 + below(400, random);
  if (kind < 0.1 && lastIndex > markIndex) {
    // The leader of a new term overwrites what was not committed.
    const from = markIndex + 1 + below(lastIndex - markIndex, random);
    return { entries: entries(from, 1 + below(4, random), model.lastTerm + 1, size), ...hardState };
  }
  if (kind < 0.2 && lastIndex > markIndex) {
    const index = markIndex + 1 + below(lastIndex - markIndex, random);
    const found = model.entries[index - model.firstIndex];
    if (found !== undefined) return { snapshot: { index, term: Number(found.split("/")[1]) }, ...hardState };
  }
  if (kind < 0.23) {
    const index = lastIndex + 1 + below(50, random);
    return { snapshot: { index, term: term + 1, installed: true }, ...hardState };
  }
  if (kind < 0.35) return { hardState: bytesOf(`vote ${below(1e6, random)}`) };
  return { entries: entries(lastIndex + 1, 1 + below(6, random), term, size), ...hardState };
}

/** What was known when so many events of the disk had happened. */
export interface LoadMoment {
  readonly events: number;
  /** Appends that the log had been given. */
  readonly given: number;
  /** Appends that it had acknowledged. */
  readonly acknowledged: number;
}

/** A load, and everything that is needed to judge a crash in the middle of it. */
export interface Load {
  readonly disk: SimulatedDisk;
  /** The state before the first append, and after each one. */
  readonly models: readonly LogModel[];
  /** Entries before it were given up when so many appends had been given. */
  readonly droppedBefore: readonly number[];
  readonly moments: readonly LoadMoment[];
}

/** Runs a random load: appends one by one and in batches, marks, drops, now and then a close and a new start. */
export async function runLoad(
  appends: number,
  random: () => number,
  options: TestLogOptions = {},
): Promise<Load> {
  let { wal, disk } = await openTestLog(options);
  const models: LogModel[] = [EMPTY_MODEL];
  const droppedBefore: number[] = [1];
  const moments: LoadMoment[] = [];
  let acknowledged = 0;
  const note = (): void => {
    moments.push({ events: disk.events.length, given: models.length - 1, acknowledged });
  };
  note();
  while (models.length <= appends) {
    const batch = Array.from({ length: 1 + below(4, random) }, async () => {
      const model = models.at(-1) ?? EMPTY_MODEL;
      const append = randomAppend(model, random);
      models.push(afterAppend(model, append));
      droppedBefore.push(droppedBefore.at(-1) ?? 1);
      await wal.append(append);
      acknowledged++;
    });
    note();
    await Promise.all(batch);
    note();
    if (random() < 0.2 && wal.snapshot !== undefined) {
      const index = wal.snapshot.index + 1 - below(3, random);
      droppedBefore[droppedBefore.length - 1] = Math.max(index, droppedBefore.at(-1) ?? 1);
      await wal.dropBefore(index);
    }
    if (random() < 0.05) {
      await wal.close();
      ({ wal } = await openTestLog({ ...options, disk, seed: below(1e6, random) }));
    }
  }
  note();
  return { disk, models, droppedBefore, moments };
}

/** The last moment known when so many events had happened, for what was acknowledged, and the next one, for what may have been given. */
export function momentAt({ moments }: Load, events: number): LoadMoment {
  const before = moments.findLast((moment) => moment.events <= events);
  const after = moments.find((moment) => moment.events >= events) ?? moments.at(-1);
  return { events, given: after?.given ?? 0, acknowledged: before?.acknowledged ?? 0 };
}
