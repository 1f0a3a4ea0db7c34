/**
 * Loaded into the processes of a cluster before their program: SIGUSR2 has them collect their garbage, so that what is left in memory can be compared, and
 * write into their log what that is.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: object) => void;
process.on("SIGUSR2", () => {
  // Also gives back the room of the heap that stands empty; what the first frees may hold what only a second one finds.
  for (let times = 0; times < 2; times++)
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
  process.stderr.write(`${JSON.stringify({ msg: "collected", ...process.memoryUsage() })}\n`);
});
