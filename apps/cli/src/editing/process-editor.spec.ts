import { existsSync, statSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { createProcessEditor } from "./process-editor.ts";

const draft = { text: "a: 1\n", name: "x.yaml", file: undefined };

describe("an editor that is a program", () => {
  let folder: string;
  const script = async (name: string, lines: string) => {
    const path = join(folder, name);
    await writeFile(path, `#!/bin/sh\n${lines}\n`, { mode: 0o700 });
    return path;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "trellis-editors-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("is given a file of the draft's name that only its owner reads, and its text comes back", async () => {
    const editor = createProcessEditor(`${await script("append", 'shift; echo "b: 2" >> "$1"')} --wait`);
    const { text, file } = await editor.edit(draft);
    expect(text).toBe("a: 1\nb: 2\n");
    expect(file).toMatch(/\/x\.yaml$/);
    expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
    const again = await editor.edit({ ...draft, text: "c: 3\n", file });
    expect(again).toEqual({ text: "c: 3\nb: 2\n", file });
    await editor.discard(file);
    expect(existsSync(dirname(file))).toBe(false);
  });

  it("says that it is open only while it is", async () => {
    const editor = createProcessEditor("true");
    expect(editor.open).toBe(false);
    const editing = editor.edit(draft);
    while (!editor.open) await new Promise((resolve) => setImmediate(resolve));
    const { file } = await editing;
    expect(editor.open).toBe(false);
    await editor.discard(file);
  });

  it("goes on when Ctrl-C reaches the shell around it, and the editor takes it", async () => {
    const editor = createProcessEditor(await script("taking", 'kill -INT $PPID; echo "b: 2" >> "$1"'));
    const { text, file } = await editor.edit(draft);
    expect(text).toBe("a: 1\nb: 2\n");
    await editor.discard(file);
  });

  it.each([
    ["false", 'the editor "false" ended with code 1'],
    ["/nowhere/editor", 'the editor "/nowhere/editor" ended with code 127'],
    ["kill -9 $$;", 'the editor "kill -9 $$;" was ended by SIGKILL'],
  ])("keeps the file when %j fails, and says where", async (command, message) => {
    const error = (await createProcessEditor(command)
      .edit(draft)
      .catch((cause: unknown) => cause)) as Error & { readonly hint: string };
    expect(error.message).toBe(message);
    const file = /^Nothing was written\. The text is in (.+)\.$/.exec(error.hint)?.[1] ?? "";
    expect(await readFile(file, "utf8")).toBe("a: 1\n");
    await rm(dirname(file), { recursive: true });
  });
});
