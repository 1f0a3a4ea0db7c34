/** Loaded into the processes of a cluster before their program: SIGUSR2 has them collect their garbage, so that what is left in memory can be compared. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
process.on("SIGUSR2", () => {
  // What the first frees may hold what only a second one finds.
  collect();
  collect();
});
