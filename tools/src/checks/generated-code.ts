import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { inRepository, runCommand } from "../repository.ts";

const GENERATED_CODE = "libs/protos/src/gen";
/** The descriptors of the house's protos, with comments. */
const IMAGE = "libs/protos/image.binpb";

/** Generates code and image from the sources below `root`, into `root`. Throws with the compiler's words. */
export async function generateCode(root: string): Promise<void> {
  for (const args of [["generate"], ["build", "proto", "-o", IMAGE]]) {
    const { exitCode, output } = await runCommand("buf", args, { cwd: root });
    if (exitCode !== 0) throw new Error(`buf ${args.join(" ")} failed:\n${output}`);
  }
}

/** Regenerates in a copy and names the files that differ from the committed ones. */
export async function findStaleGeneratedCode(): Promise<readonly string[]> {
  const copy = await mkdtemp(join(tmpdir(), "trellis-generate-"));
  try {
    for (const source of ["proto", "third_party/proto", "buf.yaml", "buf.gen.yaml"]) {
      await cp(inRepository(source), join(copy, source), { recursive: true });
    }
    await cp(inRepository("libs/protos/package.json"), join(copy, "libs/protos/package.json"));
    await generateCode(copy);
    const files = new Set([IMAGE, ...(await filesBelow(copy)), ...(await filesBelow(inRepository()))]);
    const stale: string[] = [];
    for (const file of files) {
      if (!(await equalFiles(join(copy, file), inRepository(file)))) stale.push(file);
    }
    return stale.sort();
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function filesBelow(root: string): Promise<string[]> {
  const names = await readdir(join(root, GENERATED_CODE), { recursive: true });
  return names.filter((name) => name.endsWith(".ts")).map((name) => join(GENERATED_CODE, name));
}

async function equalFiles(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map((path) => readFile(path).catch(() => undefined)));
  return left !== undefined && right !== undefined && left.equals(right);
}
