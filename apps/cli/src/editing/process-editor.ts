import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { CliError } from "../errors.ts";
import { MAX_FILE_BYTES } from "../manifest/limits.ts";
import type { Draft, EditedText, Editor } from "./editor.ts";

/** An editor that is a program. While it is open, Ctrl-C at the terminal is the editor's. */
export interface ProcessEditor extends Editor {
  readonly open: boolean;
}

/** Makes the editor of a command line, as `VISUAL` and `EDITOR` hold them: a program, perhaps with arguments (`code --wait`). */
export function createProcessEditor(command: string): ProcessEditor {
  let open = false;
  return {
    get open() {
      return open;
    },
    async edit({ text, name, file }: Draft): Promise<EditedText> {
      // Only its owner may look into the folder: resources can hold secrets.
      const path = file ?? join(await mkdtemp(join(tmpdir(), "trellis-edit-")), name);
      await writeFile(path, text, { mode: 0o600 });
      open = true;
      try {
        await runEditor(command, path);
      } finally {
        open = false;
      }
      if ((await stat(path)).size > MAX_FILE_BYTES)
        throw new CliError(`${path} is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`);
      return { text: await readFile(path, "utf8"), file: path };
    },
    discard: (file) => rm(dirname(file), { recursive: true, force: true }),
  };
}

/** The shell must outlive a Ctrl-C that its editor takes; unlike an ignored signal, a trapped one comes to the editor as usual. */
const SURVIVE_CTRL_C = "trap : INT;";

/** Runs the editor as git does: the shell takes the command apart, and the file is no part of its text. */
function runEditor(command: string, file: string): Promise<void> {
  const windows = process.platform === "win32";
  const child = windows
    ? spawn(`${command} "${file}"`, { stdio: "inherit", shell: true })
    : spawn("sh", ["-c", `${SURVIVE_CTRL_C} ${command} "$@"`, command, file], { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    const fail = (what: string) =>
      reject(
        new CliError(`the editor "${command}" ${what}`, {
          hint: `Nothing was written. The text is in ${file}.`,
        }),
      );
    child.on("error", (error: NodeJS.ErrnoException) =>
      fail(`cannot be started (${error.code ?? error.message})`),
    );
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else fail(code === null ? `was ended by ${signal ?? "a signal"}` : `ended with code ${code}`);
    });
  });
}
