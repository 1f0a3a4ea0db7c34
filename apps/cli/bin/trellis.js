#!/usr/bin/env node
// Plain JavaScript: an older Node must be able to read this file, and to say what is needed or to find it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const REQUIRED_MAJOR = 24;

const [major] = process.versions.node.split(".").map(Number);
if (major >= REQUIRED_MAJOR) {
  await import("../src/main.ts");
} else {
  const newer = process.env.TRELLIS_NODE_SEARCHED === "1" ? undefined : nearestNode();
  if (newer === undefined) {
    process.stderr.write(
      `trellis needs Node ${REQUIRED_MAJOR} or newer, and this is ${process.version}: install it from https://nodejs.org, or run "npm install" in the checkout\n`,
    );
    process.exitCode = 1;
  } else {
    runWith(newer);
  }
}

/** The Node that npm installed nearest to this file. */
function nearestNode() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", ".bin", name);
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

/** Runs this program again, and ends as it ends. */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, TRELLIS_NODE_SEARCHED: "1" },
  });
  // Ctrl-C at a terminal reaches the child by itself, and a second one would cut its clean end short.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`trellis cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
