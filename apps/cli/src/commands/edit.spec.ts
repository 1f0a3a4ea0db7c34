import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { v2 } from "@trellis/demo";
import { Genre } from "@trellis/protos/trellis/demo/v2/demo_pb";

import { createMemoryEditor } from "../test-support/memory-editor.ts";
import { observeArtist } from "../test-support/owned-albums.ts";
import { artist, serversOfTest } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();
const EDIT = "edit demo.v2.artist/korn";
const FILE = "/edits/artist-korn.yaml";
const toRock = (text: string) => text.replace("GENRE_METAL", "GENRE_ROCK");
const toNonsense = (text: string) => text.replace("GENRE_METAL", "GENRE_MTAL");
const HEAD = [
  "# demo.v2.Artist/korn of http://trellis.test:7500",
  "# Save and close to write it. Left as it is, or emptied, it changes nothing.",
];
const BODY = [
  "type: demo.v2.Artist",
  "name: korn",
  "partition: default",
  "namespace: default",
  "data:",
  "  name: korn",
  "  genre: GENRE_METAL",
  "",
];

async function withKorn() {
  const world = setup();
  await world.trellis("apply -f -", { stdin: artist("korn") });
  const genre = async () => (await world.server.client.read(v2.Artist, { name: "korn" })).data.genre;
  return { ...world, genre };
}

describe("trellis edit", () => {
  it("opens what is wanted of the resource, and writes what comes back", async () => {
    const { trellis, genre } = await withKorn();
    const editor = createMemoryEditor(toRock);
    expect(await trellis(EDIT, { editor })).toEqual({
      exitCode: 0,
      stdout: "demo.v2.Artist/korn  updated\n",
      stderr: "",
    });
    expect(editor.opened).toEqual([[...HEAD, "#", ...BODY].join("\n")]);
    expect(await genre()).toBe(Genre.ROCK);
    expect(editor.files.size).toBe(0);
  });

  it.each([
    ["is left as it is", (text: string) => text],
    ["is emptied", () => ""],
    ["has only other spaces", (text: string) => text.replace("data:", "data:  ")],
    ["has only other comments at its top", (text: string) => `# mine\n${text}`],
  ])("writes nothing when the text %s", async (_, change) => {
    const { trellis, genre } = await withKorn();
    const editor = createMemoryEditor(change);
    expect(await trellis(EDIT, { editor })).toEqual({
      exitCode: 0,
      stdout: "demo.v2.Artist/korn  unchanged  nothing was written\n",
      stderr: "",
    });
    expect([await genre(), editor.files.size]).toEqual([Genre.METAL, 0]);
  });

  it("opens again with the errors at the top, at their lines, until it can be written", async () => {
    const { trellis, genre } = await withKorn();
    const editor = createMemoryEditor(
      toNonsense,
      (text) => text.replace("name: korn\n  genre: GENRE_MTAL", "name: ''\n  genre: GENRE_ROCK"),
      (text) => text.replace("name: ''", "name: Korn"),
    );
    expect((await trellis(EDIT, { editor })).stdout).toBe("demo.v2.Artist/korn  updated\n");
    const [, second = "", third = ""] = editor.opened;
    const lines = second.split("\n");
    expect(lines.slice(0, 6)).toEqual([
      ...HEAD,
      "#",
      "# It was not written:",
      '#   line 13: data.genre: expected a Genre (did you mean GENRE_METAL?), found the string "GENRE_MTAL"',
      "#",
    ]);
    expect(lines[12]).toBe("  genre: GENRE_MTAL");
    // The server's own violations have their lines too, and the errors before are gone.
    expect(third).toMatch(/^#[^]*\n# {3}line 12: data\.name: artist\.name required: [^]*\n#\ntype: /);
    expect(third).not.toContain("GENRE_MTAL");
    expect(await genre()).toBe(Genre.ROCK);
  });

  it("opens once for each save: closed without a change, it gives up and keeps the edit", async () => {
    const { trellis, genre } = await withKorn();
    const editor = createMemoryEditor(toNonsense);
    expect(await trellis(EDIT, { editor })).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `error: demo.v2.Artist/korn was not written: data.genre: expected a Genre (did you mean GENRE_METAL?), found the string "GENRE_MTAL"\nYour edit is kept in ${FILE}.\n`,
    });
    expect(editor.opened).toHaveLength(2);
    expect(editor.files.get(FILE)).toContain("GENRE_MTAL");
    expect(await genre()).toBe(Genre.METAL);
  });

  it.each([
    ["not YAML", (text: string) => `${text}  [`, /line \d+: this is not YAML: /],
    [
      "another name",
      (text: string) => text.replace("name: korn\n", "name: abba\n"),
      /type, name and tenancy cannot be changed here/,
    ],
    [
      "another namespace",
      (text: string) => text.replace("namespace: default", "namespace: x"),
      /type, name and tenancy/,
    ],
    ["two manifests", (text: string) => `${text}---\n${text}`, /expected one manifest, found another/],
    [
      "another owner",
      (text: string) => `${text}owner: {type: demo.v2.Artist, name: korn}\n`,
      /line 14: owner: cannot be changed/,
    ],
  ])("tells of %s", async (_, change, error) => {
    const { trellis } = await withKorn();
    const editor = createMemoryEditor(change);
    expect((await trellis(EDIT, { editor })).exitCode).toBe(1);
    expect(editor.opened[1]).toMatch(error);
  });

  it("tells of a conflict, keeps the edit and says where", async () => {
    const { trellis, genre } = await withKorn();
    const editor = createMemoryEditor(async (text) => {
      await trellis("apply -f -", { stdin: artist("korn").replace("METAL", "DISCO") });
      return toRock(text);
    });
    expect(await trellis(EDIT, { editor })).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: `error: demo.v2.Artist/korn was changed by somebody else while you edited it\nYour edit is kept in ${FILE}. See how it differs now with "trellis diff -f ${FILE}".\n`,
    });
    expect(await genre()).toBe(Genre.DISCO);
    expect(editor.files.get(FILE)).toContain("GENRE_ROCK");
  });

  it.each([
    ["deleted", "was deleted while"],
    ["deleted and made anew", "was deleted and made anew while"],
  ])("tells that it was %s meanwhile", async (what, message) => {
    const { trellis } = await withKorn();
    const editor = createMemoryEditor(async (text) => {
      await trellis("delete demo.v2.artist/korn");
      if (what !== "deleted") await trellis("apply -f -", { stdin: artist("korn") });
      return toRock(text);
    });
    const { stderr, exitCode } = await trellis(EDIT, { editor });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
    expect(editor.files.has(FILE)).toBe(true);
  });

  it("keeps the edit when the server cannot be reached", async () => {
    const { server } = await withKorn();
    const trellis = createTerminal(withoutWrites(server.transport));
    const editor = createMemoryEditor(toRock);
    const { stderr, exitCode } = await trellis(EDIT, { editor });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^error: demo\.v2\.Artist\/korn was not written: .*\nYour edit is kept in \/edits\//,
    );
    expect(editor.files.has(FILE)).toBe(true);
  });

  it("leaves statuses and what the service gives alone", async () => {
    const { server, trellis } = await withKorn();
    await observeArtist(server, "korn", []);
    const editor = createMemoryEditor(toRock);
    expect((await trellis(EDIT, { editor })).exitCode).toBe(0);
    expect(editor.opened[0]).not.toMatch(/status|version:|uid|generation/);
    expect((await server.client.read(v2.Artist, { name: "korn" })).status).toHaveProperty("test/controller");
  });

  it("ends at Ctrl-C with 130, without a write", async () => {
    const { trellis, genre } = await withKorn();
    const interruption = new AbortController();
    const editor = createMemoryEditor((text) => {
      interruption.abort();
      return toRock(text);
    });
    expect((await trellis(EDIT, { editor, signal: interruption.signal })).exitCode).toBe(130);
    expect(await genre()).toBe(Genre.METAL);
  });

  it("says what to do when no editor is named, and when the resource is not there", async () => {
    const { trellis } = setup();
    expect(await trellis(EDIT)).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "error: no editor is named\nSet VISUAL or EDITOR, as in EDITOR=vi.\n",
    });
    const editor = createMemoryEditor();
    expect((await trellis(EDIT, { editor })).stderr).toMatch(/^error: demo\.v2\.Artist\/korn is not there/);
    expect(editor.opened).toEqual([]);
  });
});

function withoutWrites(transport: Transport): Transport {
  return {
    stream: (...args) => transport.stream(...args),
    unary(...args) {
      if (args[0].name !== "Write") return transport.unary(...args);
      throw new ConnectError("nothing is written today", Code.PermissionDenied);
    },
  };
}
