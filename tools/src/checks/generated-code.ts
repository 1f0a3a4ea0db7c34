import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runCommand } from "../repository.ts";

/** Folders of generated code. */
const GENERATED_CODE = ["libs/protos/src/gen", "examples/hello-controller/gen"];
/** The descriptors of the house's protos, with comments. */
const IMAGE = "libs/protos/image.binpb";

/** The example that has protos of its own, as an author's domain has. */
const EXAMPLE = "examples/hello-controller";

const COMMANDS = [
  ["generate"],
  [
    "generate",
    ".",
    "--config",
    `${EXAMPLE}/buf.yaml`,
    "--template",
    `${EXAMPLE}/buf.gen.yaml`,
    "--path",
    `${EXAMPLE}/hello`,
  ],
  ["build", "proto", "-o", IMAGE],
];

/** Generates code and image from the sources below `root`, into `root`. Throws with the compiler's words. */
export async function generateCode(root: string): Promise<void> {
  for (const args of COMMANDS) {
    const { exitCode, output } = await runCommand("buf", args, { cwd: root });
    if (exitCode !== 0) throw new Error(`buf ${args.join(" ")} failed:\n${output}`);
  }
}

/** Regenerates in a copy and names the files below `root` that differ. */
export async function findStaleGeneratedCode(root: string): Promise<readonly string[]> {
  const copy = await mkdtemp(join(tmpdir(), "trellis-generate-"));
  try {
    for (const source of ["proto", "third_party/proto", "buf.yaml", "buf.gen.yaml", EXAMPLE]) {
      await cp(join(root, source), join(copy, source), { recursive: true });
    }
    await cp(join(root, "libs/protos/package.json"), join(copy, "libs/protos/package.json"));
    await generateCode(copy);
    const files = new Set([IMAGE, ...(await filesBelow(copy)), ...(await filesBelow(root))]);
    const stale: string[] = [];
    for (const file of files) {
      if (!(await equalFiles(join(copy, file), join(root, file)))) stale.push(file);
    }
    return stale.sort();
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function filesBelow(root: string): Promise<string[]> {
  const folders = GENERATED_CODE.map(async (folder) => {
    const names = await readdir(join(root, folder), { recursive: true });
    return names.filter((name) => name.endsWith(".ts")).map((name) => join(folder, name));
  });
  return (await Promise.all(folders)).flat();
}

async function equalFiles(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map((path) => readFile(path).catch(() => undefined)));
  return left !== undefined && right !== undefined && left.equals(right);
}
