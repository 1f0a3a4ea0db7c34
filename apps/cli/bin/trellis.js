#!/usr/bin/env node
// Plain JavaScript: an older Node must be able to read this file, and to say what is needed or to find it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
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
      `trellis needs Node ${REQUIRED_MAJOR} or newer, and this is ${process.version}.\nInstall it from https://nodejs.org, or run "npm install" in the checkout.\n`,
    );
    process.exitCode = 1;
  } else {
    runWith(newer);
  }
}

/** The Node that npm installed nearest to this file or to the working folder. */
function nearestNode() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  for (const start of [dirname(fileURLToPath(import.meta.url)), process.cwd()]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const candidate = join(folder, "node_modules", ".bin", name);
      if (existsSync(candidate)) return candidate;
      if (dirname(folder) === folder) break;
    }
  }
  return undefined;
}

/** Runs this program again; signals of the terminal reach the child by themselves, the others are handed on. */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, TRELLIS_NODE_SEARCHED: "1" },
  });
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => {
    process.stderr.write(`trellis cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
}
