/**
 * `npm run mixed-versions`: a store of an earlier build, and members of an earlier build, start and serve beside this one's, and are rolled forward node by node.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { earlierBuild } from "./earlier-build.ts";
import { rollForward } from "./roll-forward.ts";
import { takeOverStore } from "./take-over-store.ts";

/** The build with which replicated storage was complete: a standalone server with a store on disk. */
const FIRST_STORE = "8c9881b";
/** The first commit whose `npm run cluster` worked. */
const FIRST_CLUSTER = "8d12b77";

const directory = mkdtempSync(join(tmpdir(), "trellis-mixed-versions-"));
const tell = (what: string): void => void process.stdout.write(`${what}\n`);
try {
  const [store, cluster] = [join(directory, "store-build"), join(directory, "cluster-build")];
  earlierBuild(FIRST_STORE, store);
  earlierBuild(FIRST_CLUSTER, cluster);
  tell(`A store of ${FIRST_STORE}`);
  await takeOverStore({ earlier: store, directory: join(directory, "store"), tell });
  tell(`Members of ${FIRST_CLUSTER}`);
  await rollForward({ earlier: cluster, directory: join(directory, "cluster"), tell });
  tell("everything is there, on equal replicas, and no write failed");
  rmSync(directory, { recursive: true });
} catch (error) {
  process.stderr.write(`${(error as Error).message}\nleft in ${directory}\n`);
  process.exitCode = 1;
}
