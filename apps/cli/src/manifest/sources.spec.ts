import { mkdtemp, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { MAX_FILE_BYTES } from "./limits.ts";
import { readSources } from "./sources.ts";

describe("what -f names", () => {
  let cwd = "";
  const read = async (paths: readonly string[], stdin = "") =>
    readSources({ cwd, stdin: chunks(stdin) }, paths);

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), "trellis-sources-"));
    await mkdir(join(cwd, "all/below/.hidden"), { recursive: true });
    await mkdir(join(cwd, "all/node_modules"));
    await mkdir(join(cwd, "empty"));
    await mkdir(join(cwd, "mixed"));
    const files = {
      "all/b.yaml": "b",
      "all/a.YML": "a",
      "all/below/c.json": "c",
      "all/notes.txt": "no manifest",
      "all/.hidden.yaml": "hidden",
      "all/below/.hidden/d.yaml": "hidden",
      "all/node_modules/e.yaml": "not ours",
      "mixed/good.yaml": "good",
      "mixed/latin.yaml": Buffer.from([0x61, 0xe9]),
      "mixed/large.yaml": "",
      "strange.ext": "named, so read",
    };
    for (const [file, content] of Object.entries(files)) await writeFile(join(cwd, file), content);
    await truncate(join(cwd, "mixed/large.yaml"), MAX_FILE_BYTES + 1);
    await symlink("nowhere", join(cwd, "mixed/link.yaml"));
  });
  afterAll(() => rm(cwd, { recursive: true }));

  it("is a folder's manifests, those below included, in the order of their names", async () => {
    expect(await read(["all"])).toEqual([
      { file: "all/a.YML", text: "a" },
      { file: "all/b.yaml", text: "b" },
      { file: "all/below/c.json", text: "c" },
    ]);
  });

  it("is a file of any name, and the standard input", async () => {
    expect(await read(["strange.ext", "-"], "typed")).toEqual([
      { file: "strange.ext", text: "named, so read" },
      { file: "standard input", text: "typed" },
    ]);
  });

  it("is read although a file of the folder cannot be", async () => {
    expect(await read(["mixed"])).toEqual([
      { file: "mixed/good.yaml", text: "good" },
      { file: "mixed/large.yaml", message: "the file is larger than 16 MiB; split it" },
      { file: "mixed/latin.yaml", message: "the file is not UTF-8 text" },
      { file: "mixed/link.yaml", message: "the file is not there" },
    ]);
  });

  it.each([
    ["nowhere.yaml", "nowhere.yaml is not there", "-f takes a file, a folder, or - for the standard input."],
    ["empty", "empty holds no manifests", "Files end in .yaml, .yml or .json."],
    ["mixed/latin.yaml", "mixed/latin.yaml is not UTF-8 text", "Manifests are YAML or JSON in UTF-8."],
    ["mixed/large.yaml", "mixed/large.yaml is larger than 16 MiB; split it", undefined],
  ])("must be readable when it is named: %s", async (path, message, hint) => {
    await expect(read([path])).rejects.toMatchObject({ message, hint, exitCode: 1 });
  });

  it("ends with the standard input's bound", async () => {
    async function* endless() {
      for (;;) yield await Promise.resolve(new Uint8Array(1024 * 1024));
    }
    await expect(readSources({ cwd, stdin: endless() }, ["-"])).rejects.toMatchObject({
      message: "the standard input is larger than 16 MiB; split it",
    });
  });
});

async function* chunks(text: string) {
  yield await Promise.resolve(Buffer.from(text));
}
