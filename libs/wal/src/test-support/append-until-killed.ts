import { openNodeDisk } from "../node-disk.ts";
import { openWal } from "../open-wal.ts";
import { systemClock } from "./system-clock.ts";
import { bytesOf, entry, SMALL_LIMITS } from "./test-log.ts";

/**
 * A process for tests: appends to the log in the directory that it is given, several appends at a time, with marks and drops, and prints the index of
 * every entry that is durable. It ends only by being killed. With `hold` it takes the log and does nothing.
 */
const [directory = "", mode = "append"] = process.argv.slice(2);
const disk = await openNodeDisk(directory);
const wal = await openWal({ disk, clock: systemClock, random: Math.random }, { limits: SMALL_LIMITS });
process.stdout.write(`open ${wal.lastIndex}\n`);
if (mode === "hold") await new Promise(() => setInterval(() => undefined, 1000));
for (let next = wal.lastIndex + 1; ;) {
  const appends = Array.from({ length: 4 }, async () => {
    const index = next++;
    await wal.append({ entries: [entry(index, 1, 300)], hardState: bytesOf(`hard state ${index}`) });
    process.stdout.write(`${index}\n`);
  });
  await Promise.all(appends);
  if (wal.lastIndex % 40 === 0) {
    await wal.append({ snapshot: { index: wal.lastIndex - 20, term: 1 } });
    await wal.dropBefore(wal.lastIndex - 20);
  }
}
