import { readFileSync } from "node:fs";
import { constants } from "node:os";

import { systemClock } from "@trellis/resource";

import type { ProgramProcess } from "./run-program.ts";

/** The process of Node, as a program is given it. */
export function nodeProcess(process: NodeJS.Process): ProgramProcess {
  return {
    args: process.argv.slice(2),
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    readFile: (path) => readFileSync(path, "utf8"),
    clock: systemClock,
    onSignal(listener) {
      for (const signal of ["SIGTERM", "SIGINT"] as const)
        process.on(signal, () => listener(constants.signals[signal]));
    },
    onUnhandledRejection: (listener) => void process.on("unhandledRejection", listener),
    exit: (code) => process.exit(code),
  };
}
