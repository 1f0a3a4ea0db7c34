import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { inRepository, repositoryRoot } from "../repository.ts";

/** The scope of this repository's own packages. */
const OWN = "@trellis";

/**
 * Puts the files of a commit of this repository into a directory, ready to run: its packages find each other there, and the packages of others in this checkout. Throws
 * when the commit is not in this clone.
 */
export function earlierBuild(commit: string, directory: string): void {
  mkdirSync(directory, { recursive: true });
  let archive: Buffer;
  try {
    archive = execFileSync("git", ["archive", commit], {
      cwd: repositoryRoot,
      maxBuffer: 1024 ** 3,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    throw new Error(
      `expected commit ${commit} in this clone; fetch the whole history (git fetch --unshallow)`,
      {
        cause: error,
      },
    );
  }
  execFileSync("tar", ["-x", "-C", directory], { input: archive });
  const modules = join(directory, "node_modules");
  mkdirSync(join(modules, OWN), { recursive: true });
  for (const name of readdirSync(inRepository("node_modules"))) {
    if (name !== OWN) symlinkSync(inRepository("node_modules", name), join(modules, name));
  }
  for (const folder of ["libs", "apps"]) linkOwn(join(directory, folder), join(modules, OWN));
}

/** Links each package of a folder under its own name. */
function linkOwn(folder: string, modules: string): void {
  for (const name of readdirSync(folder)) {
    const as = folder.endsWith("apps") ? `${name}-app` : name;
    symlinkSync(join(folder, name), join(modules, as));
  }
}
