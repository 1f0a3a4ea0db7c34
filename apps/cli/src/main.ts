import { systemClock } from "@trellis/resource";

import { openConnection } from "./connection.ts";
import { createProcessEditor } from "./editing/process-editor.ts";
import { serverFrom } from "./environment.ts";
import { errorText, EXIT } from "./errors.ts";
import { printable } from "./output/printable.ts";
import { wantsColour } from "./output/wants-colour.ts";
import { run } from "./run.ts";

const { EDITOR, TERM, VISUAL } = process.env;
const server = serverFrom(process.env);
const editorCommand = [VISUAL, EDITOR].find((command) => command !== undefined && command.trim() !== "");
const editor = editorCommand === undefined ? undefined : createProcessEditor(editorCommand);

const interruption = new AbortController();
process.on("SIGINT", () => {
  // The terminal sends it to the editor and to this program, and it was meant for the editor.
  if (editor?.open === true) return;
  // Whoever presses twice does not want to wait for a clean end.
  if (interruption.signal.aborted) process.exit(EXIT.interrupted);
  interruption.abort();
  // Reading `-f -` does not know of the signal.
  process.stdin.destroy();
});
// A reader that has seen enough, as in `trellis get … | head`, is no error, and no reason to leave work half done.
const readerGone = new AbortController();
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return readerGone.abort();
  process.stderr.write(`error: the output cannot be written (${error.code ?? error.message})\n`);
  process.exit(EXIT.failed);
});
process.stderr.on("error", () => undefined);

// What nobody waits for can still fail: an HTTP/2 session that is being closed, above all. It must neither show a stack nor change the exit code.
let finished = false;
process.on("uncaughtException", (error) => {
  if (finished) return;
  process.stderr.write(`error: ${printable(errorText(error, server).message)}\n`);
  process.exit(EXIT.failed);
});

/** How wide a terminal is that does not tell. */
const DEFAULT_COLUMNS = 80;

process.exitCode = await run(process.argv.slice(2), {
  stdout(text) {
    if (!readerGone.signal.aborted) process.stdout.write(text);
  },
  stderr: (text) => void process.stderr.write(text),
  stdin: process.stdin,
  cwd: process.cwd(),
  clock: systemClock,
  server,
  // Not a terminal, it is undefined.
  colour: wantsColour(process.env, {
    terminals: Boolean(process.stdout.isTTY) && Boolean(process.stderr.isTTY),
  }),
  get columns() {
    return widthOf(process.stdout);
  },
  get errorColumns() {
    return TERM === "dumb" ? undefined : widthOf(process.stderr);
  },
  editor,
  signal: interruption.signal,
  readerGone: readerGone.signal,
  connect: (url) => openConnection(url, systemClock),
});
finished = true;

/** A terminal may say that it is 0 columns wide: it does not know. */
function widthOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns || DEFAULT_COLUMNS : undefined;
}
