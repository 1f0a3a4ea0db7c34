import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ensureIdentity, openDataDirectory } from "@trellis/raft-node";

import { type DirectoryFailure, directoryRefusal } from "./directory-refusal.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "trellis-directory-"));
});
afterEach(() => rm(root, { recursive: true }));

/** Why a directory cannot be opened. */
async function refusalOf(directory: string): Promise<string> {
  try {
    await ensureIdentity(await openDataDirectory(directory), Math.random);
  } catch (error) {
    return directoryRefusal(directory, error as DirectoryFailure);
  }
  return "it can";
}

describe("a data directory that cannot be opened", () => {
  it("is told what it is instead of one", async () => {
    await writeFile(join(root, "file"), "");
    await symlink(join(root, "nowhere"), join(root, "dangling"));
    await symlink(join(root, "loop"), join(root, "loop"));
    for (const [name, reason] of [
      ["file", "is no directory; name one, or what is not there yet"],
      ["file/below", "is below a file; name a directory, or what is not there yet"],
      ["dangling", "is a link to what is not there, or where nothing can be made; name another directory"],
      ["loop", "is a link to itself; name a directory, or what is not there yet"],
    ] as const)
      expect(await refusalOf(join(root, name))).toBe(`${join(root, name)} ${reason}`);
  });

  it.each(["wal", "snapshots"])("is told which part of it is none: %s", async (part) => {
    await writeFile(join(root, part), "");
    expect(await refusalOf(root)).toBe(
      `${root} cannot be used: ${join(root, part)} is no directory; put back what was there, or name another directory`,
    );
  });

  it("is told which of its files this user may not use, also when the log says so", () => {
    const denied = { message: "EACCES: permission denied", code: "EACCES", path: join(root, "wal/1.wal") };
    const refusal = `${root} cannot be used: ${root}/wal/1.wal may not be used by this user; give it the rights, or name another directory`;
    expect(directoryRefusal(root, denied)).toBe(refusal);
    expect(directoryRefusal(root, { message: "the disk failed", code: "io", cause: denied })).toBe(refusal);
  });

  it("is told that what says whose it is cannot be read", async () => {
    await mkdir(join(root, "node.json"));
    expect(await refusalOf(root)).toMatch(
      / cannot be opened: .*node\.json cannot be read \(it is a directory\); put the file back from a copy, or begin with an empty directory: restore/,
    );
  });
});
