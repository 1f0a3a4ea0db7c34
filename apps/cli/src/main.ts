import { systemClock } from "@trellis/resource";

import { openConnection } from "./connection.ts";
import { DEFAULT_SERVER } from "./environment.ts";
import { EXIT } from "./errors.ts";
import { run } from "./run.ts";

const interruption = new AbortController();
process.on("SIGINT", () => {
  // Whoever presses twice does not want to wait for a clean end.
  if (interruption.signal.aborted) process.exit(EXIT.interrupted);
  interruption.abort();
  // Reading `-f -` does not know of the signal.
  process.stdin.destroy();
});
// A reader that has seen enough, as in `trellis get … | head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
);

const { NO_COLOR, TERM, TRELLIS_SERVER } = process.env;

process.exitCode = await run(process.argv.slice(2), {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  stdin: process.stdin,
  cwd: process.cwd(),
  clock: systemClock,
  server: TRELLIS_SERVER === undefined || TRELLIS_SERVER === "" ? DEFAULT_SERVER : TRELLIS_SERVER,
  colour:
    process.stdout.isTTY &&
    process.stderr.isTTY &&
    (NO_COLOR === undefined || NO_COLOR === "") &&
    TERM !== "dumb",
  signal: interruption.signal,
  connect: (server) => openConnection(server, systemClock),
});
