import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { Environment } from "../environment.ts";
import { CliError } from "../errors.ts";
import { MAX_FILE_BYTES, MAX_FILES, MAX_FOLDER_DEPTH } from "./limits.ts";

/** The text of one manifest file. */
export interface ManifestSource {
  /** As errors name it. */
  readonly file: string;
  readonly text: string;
}

/** A file inside a given folder that cannot be read: the others are read all the same. */
export interface UnreadableSource {
  readonly file: string;
  readonly message: string;
}

/** How errors name what a path of `-f` stands for. */
export function sourceName(path: string): string {
  return path === "-" ? "the standard input" : path;
}

const EXTENSIONS = /\.(ya?ml|json)$/i;

/**
 * Reads what `-f` names: files, folders (their .yaml, .yml and .json files, folders below included, in the order of their names) and `-` for the standard
 * input. Throws when something that is named is not there, is not UTF-8, or is beyond the limits; a file of a folder is then told as unreadable.
 */
export async function readSources(
  environment: Pick<Environment, "cwd" | "stdin">,
  paths: readonly string[],
): Promise<readonly (ManifestSource | UnreadableSource)[]> {
  const sources: (ManifestSource | UnreadableSource)[] = [];
  for (const path of paths) {
    if (path === "-") {
      sources.push({
        file: "standard input",
        text: decode(sourceName(path), await readInput(environment.stdin)),
      });
      continue;
    }
    const files = await filesOf(environment.cwd, path);
    if (sources.length + files.length > MAX_FILES)
      throw new CliError(`${path} brings more than ${MAX_FILES} files; apply its folders one by one`);
    for (const file of files) sources.push(await readFileSource(environment.cwd, file, file === path));
  }
  return sources;
}

async function readFileSource(cwd: string, file: string, named: boolean) {
  try {
    return { file, text: await readText(cwd, file) };
  } catch (error) {
    if (named || !CliError.is(error)) throw error;
    return { file, message: error.message.replace(`${file} `, "the file ") };
  }
}

async function filesOf(cwd: string, path: string): Promise<readonly string[]> {
  if (!(await kindOf(cwd, path)).isDirectory()) return [path];
  const files = await filesBelow(cwd, path, 0);
  if (files.length === 0)
    throw new CliError(`${path} holds no manifests`, { hint: "Files end in .yaml, .yml or .json." });
  return files;
}

async function filesBelow(cwd: string, folder: string, depth: number): Promise<readonly string[]> {
  if (depth > MAX_FOLDER_DEPTH) throw new CliError(`${folder} is more than ${MAX_FOLDER_DEPTH} folders deep`);
  const names = (await readdir(resolve(cwd, folder))).sort();
  const files: string[] = [];
  for (const name of names) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = join(folder, name);
    // A link to nothing is told when it is read, beside the files that can be.
    const kind = await kindOf(cwd, path).catch(() => undefined);
    if (kind?.isDirectory() === true) files.push(...(await filesBelow(cwd, path, depth + 1)));
    else if (EXTENSIONS.test(name)) files.push(path);
    if (files.length > MAX_FILES)
      throw new CliError(`${folder} holds more than ${MAX_FILES} files; apply its folders one by one`);
  }
  return files;
}

async function kindOf(cwd: string, path: string) {
  try {
    return await stat(resolve(cwd, path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readText(cwd: string, file: string): Promise<string> {
  try {
    const { size } = await stat(resolve(cwd, file));
    if (size > MAX_FILE_BYTES) throw tooLarge(file);
    return decode(file, await readFile(resolve(cwd, file)));
  } catch (error) {
    throw CliError.is(error) ? error : unreadable(file, error);
  }
}

async function readInput(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.byteLength;
    if (size > MAX_FILE_BYTES) throw tooLarge("the standard input");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CliError(`${file} is not UTF-8 text`, { hint: "Manifests are YAML or JSON in UTF-8." });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  EACCES: "may not be read",
  EISDIR: "is a folder",
  ELOOP: "is a link to itself",
};

function unreadable(path: string, error: unknown): CliError {
  const code = String((error as { code?: unknown }).code);
  return new CliError(`${path} ${REASONS[code] ?? `cannot be read (${code})`}`, {
    hint: "-f takes a file, a folder, or - for the standard input.",
  });
}

function tooLarge(file: string): CliError {
  return new CliError(`${file} is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB; split it`);
}
