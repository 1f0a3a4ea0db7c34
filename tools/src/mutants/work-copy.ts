import { rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, realpath, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

import { inRepository, runCommand } from "../repository.ts";

/** A copy of the checkout's files to break. */
export interface WorkCopy {
  readonly root: string;
  /** Removes it, at once: it is called when the process ends. */
  dispose(): void;
}

/** Copies every file that git knows or would take, as it is now. The house's own packages resolve inside the copy. */
export async function createWorkCopy(): Promise<WorkCopy> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "trellis-mutants-")));
  const listed = await runCommand("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  const files = listed.output.split("\0").filter((file) => file !== "");
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    await mkdir(join(root, folder), { recursive: true });
  }
  // A file that was deleted and not committed yet is listed all the same.
  await Promise.all(files.map((file) => cp(inRepository(file), join(root, file)).catch(ignoreMissing)));
  await linkModules(root);
  return { root, dispose: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }) };
}

/** Links the installed packages; what npm links into the checkout is linked to the same place of the copy. */
async function linkModules(root: string): Promise<void> {
  const modules = inRepository("node_modules");
  const house = join(modules, "@trellis");
  await mkdir(join(root, "node_modules/@trellis"), { recursive: true });
  for (const name of await readdir(modules)) {
    if (name !== "@trellis") await symlink(join(modules, name), join(root, "node_modules", name));
  }
  const checkout = await realpath(inRepository());
  for (const name of await readdir(house)) {
    const inside = relative(checkout, await realpath(join(house, name)));
    await symlink(join(root, inside), join(root, "node_modules/@trellis", name));
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
