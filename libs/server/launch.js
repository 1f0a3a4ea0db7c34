// Plain JavaScript that older releases of Node read too: it runs before anything knows which Node this is.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

/** The oldest major release that runs TypeScript as it is. */
const OLDEST_NODE = 24;
/**
 * V8 allocates what outlived some young collections among the old objects from then on, which the objects of a call do whenever many calls are under way. They die as early as before, but each keeps
 * all that it refers to until the next full collection, so that everything outlives young collections, and it stays so. Measured: half of the CPU of a read.
 */
const V8_FLAGS = ["--no-allocation-site-pretenuring"];
/** Set for the process that a search has started, so that finding another old Node ends the search. */
const SEARCHED = "TRELLIS_NODE_SEARCHED";

/**
 * Runs a program written in TypeScript: in this process when it is Node 24 or newer, else in the Node that the nearest
 * `node_modules/.bin` has, passing on signals and the exit code.
 *
 * @param {string} binUrl the `import.meta.url` of the program's bin file
 * @param {string} main the program's module, relative to the bin file
 * @returns {Promise<void>}
 */
export async function launch(binUrl, main) {
  if (Number(process.versions.node.split(".")[0]) >= OLDEST_NODE) {
    for (const flag of V8_FLAGS) setFlagsFromString(flag);
    await import(new URL(main, binUrl).href);
    return;
  }
  const bin = fileURLToPath(binUrl);
  const node = process.env[SEARCHED] === "1" ? undefined : nearestNode(dirname(bin));
  if (node === undefined) {
    const needed = `Node ${OLDEST_NODE} or newer is needed, and this is ${process.version}`;
    const name = basename(bin, ".js");
    process.stderr.write(`${name}: ${needed}; install it, or run "npm install" in the checkout\n`);
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [bin, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, [SEARCHED]: "1" },
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`${bin}: cannot start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) =>
    process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
  );
}

/**
 * @param {string} folder
 * @returns {string | undefined}
 */
function nearestNode(folder) {
  const candidate = join(folder, "node_modules/.bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(candidate)) return candidate;
  return dirname(folder) === folder ? undefined : nearestNode(dirname(folder));
}
