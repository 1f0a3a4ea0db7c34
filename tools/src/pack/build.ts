import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

import { inRepository, runCommand } from "../repository.ts";
import { publishedManifest, type WorkspaceManifest } from "./manifest.ts";
import { publishedCli, publishedLibs } from "./published.ts";

/** Files of a lib that go along as they are, where they exist. */
const COPIED = ["README.md", "image.binpb"];

/** An ESM bundle that holds CommonJS packages needs a `require` for Node's own modules. */
const REQUIRE_BANNER =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** Builds every published package below `work`, packs them into `out`, and returns the tarballs' paths. */
export async function packAll(work: string, out: string): Promise<readonly string[]> {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const emitted = join(work, "emitted");
  await emitLibs(emitted);
  const folders: string[] = [];
  for (const { folder } of publishedLibs) folders.push(await assembleLib(folder, emitted, work));
  folders.push(await assembleCli(work));
  const tarballs: string[] = [];
  for (const folder of folders) tarballs.push(await packFolder(folder, out));
  return tarballs;
}

/** JavaScript and declarations of all libs, in one run of the compiler: a lib sees the sources of those it stands on. */
async function emitLibs(emitted: string): Promise<void> {
  const project = inRepository("tsconfig.pack.json");
  await runOrThrow("tsc", ["-p", project, "--outDir", emitted]);
}

async function assembleLib(folder: string, emitted: string, work: string): Promise<string> {
  const manifest = await readManifest(folder);
  const target = join(work, folder.replaceAll("/", "-"));
  await cp(join(emitted, folder, "src"), join(target, "dist"), { recursive: true });
  await writeManifest(target, publishedManifest(manifest));
  await copyExisting(folder, target);
  return target;
}

async function assembleCli(work: string): Promise<string> {
  const { folder, name } = publishedCli;
  const { version, description, license, engines } = await readManifest(folder);
  const target = join(work, "cli");
  await build({
    entryPoints: [inRepository(folder, "src/main.ts")],
    outfile: join(target, "src/main.js"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    banner: { js: REQUIRE_BANNER },
    legalComments: "inline",
    logLevel: "silent",
  });
  const launcher = await readFile(inRepository(folder, "bin/trellis.js"), "utf8");
  await mkdir(join(target, "bin"), { recursive: true });
  await writeFile(join(target, "bin/trellis.js"), launcher.replace("../src/main.ts", "../src/main.js"), {
    mode: 0o755,
  });
  await writeManifest(target, {
    name,
    version,
    description,
    license,
    type: "module",
    engines,
    bin: { trellis: "bin/trellis.js" },
  });
  await copyExisting(folder, target);
  return target;
}

async function packFolder(folder: string, out: string): Promise<string> {
  const output = await runOrThrow(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", out],
    folder,
  );
  const [packed] = JSON.parse(output.slice(output.indexOf("["))) as { filename: string }[];
  if (packed === undefined) throw new Error(`npm pack named no tarball for ${folder}`);
  return join(out, packed.filename);
}

async function runOrThrow(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const { exitCode, output } = await runCommand(command, args, cwd === undefined ? {} : { cwd });
  if (exitCode !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${output}`);
  return output;
}

async function readManifest(folder: string): Promise<WorkspaceManifest> {
  return JSON.parse(await readFile(inRepository(folder, "package.json"), "utf8")) as WorkspaceManifest;
}

async function writeManifest(target: string, manifest: object): Promise<void> {
  await writeFile(join(target, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

async function copyExisting(folder: string, target: string): Promise<void> {
  const present = await readdir(inRepository(folder));
  for (const file of COPIED.filter((name) => present.includes(name)))
    await cp(inRepository(folder, file), join(target, file));
  await cp(inRepository("LICENSE"), join(target, "LICENSE"));
}
