import { describe, expect, it } from "@jest/globals";

import { repositoryRoot } from "../test-support/repository.ts";
import { album } from "../test-support/owned-albums.ts";
import { artist, serversOfTest } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();

describe("trellis diff", () => {
  it("shows what apply would change, and changes nothing", async () => {
    const { trellis } = setup();
    await trellis("apply -f -", { stdin: `${artist("korn")}---\n${artist("abba")}` });
    const stdin = [
      artist("korn", "metadata: {team: web}\n").replace("METAL", "ROCK"),
      artist("abba"),
      artist("tool"),
    ].join("---\n");
    const { stdout, stderr, exitCode } = await trellis("diff -f -", { stdin });
    expect(exitCode).toBe(1);
    expect(stderr).toBe("3 resources: 1 would be created, 1 would be updated\n");
    expect(stdout.replaceAll(/version \d+/g, "version *")).toBe(
      [
        "--- demo.v2.Artist/korn  (version *)",
        "+++ demo.v2.Artist/korn  (standard input:1)",
        "@@ -2,6 +2,8 @@",
        " name: korn",
        " partition: default",
        " namespace: default",
        "+metadata:",
        "+  team: web",
        " data:",
        "   name: korn",
        "-  genre: GENRE_METAL",
        "+  genre: GENRE_ROCK",
        "",
        "--- demo.v2.Artist/tool  (not there)",
        "+++ demo.v2.Artist/tool  (standard input:10)",
        "@@ -0,0 +1,7 @@",
        "+type: demo.v2.Artist",
        "+name: tool",
        "+partition: default",
        "+namespace: default",
        "+data:",
        "+  name: tool",
        "+  genre: GENRE_METAL",
        "",
      ].join("\n"),
    );
    expect((await trellis("get demo.v2.artist -o name")).stdout).toBe(
      "demo.v2.Artist/abba\ndemo.v2.Artist/korn\n",
    );
  });

  it("says nothing would change of what was applied, and exits with 0", async () => {
    const { trellis } = setup({}, { cwd: repositoryRoot });
    expect((await trellis("apply -f examples/catalog")).exitCode).toBe(0);
    expect(await trellis("diff -f examples/catalog")).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "52 resources: nothing would change\n",
    });
  });

  it("shows what hooks fill in", async () => {
    const { trellis } = setup();
    const stdin = "type: demo.v2.Artist\nname: abba\ndata: {name: abba}\n";
    expect((await trellis("diff -f -", { stdin })).stdout).toContain("+  genre: GENRE_DISCO\n");
  });

  it("knows owners that would be there by then", async () => {
    const { trellis } = setup();
    const stdin = `${album("issues", "korn")}---\n${artist("korn")}`;
    const { stdout, exitCode } = await trellis("diff -f -", { stdin });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("+owner:\n+  type: demo.v2.Artist\n+  name: korn\n");
  });

  it("exits with 2 when something fails, and shows the rest all the same", async () => {
    const { trellis } = setup();
    const stdin = `${artist("korn")}---\n${artist("bad").replace("METAL", "MTAL")}---\n${artist("Upper")}`;
    const { stdout, stderr, exitCode } = await trellis("diff -f -", { stdin });
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^--- demo\.v2\.Artist\/korn {2}\(not there\)\n/);
    expect(stderr).toMatch(/Artist\/bad +failed +standard input:7:\d+ {2}data\.genre: expected a Genre/);
    expect(stderr).toMatch(/Artist\/Upper +failed +standard input:10:1 {2}name: must be 1 to 63 /);
    expect(stderr).toMatch(/\n3 resources: 1 would be created, 2 failed\n$/);
  });

  it("is painted on a terminal", async () => {
    const { server } = setup();
    const coloured = createTerminal(server.transport, { colour: true });
    const { stdout } = await coloured("diff -f -", { stdin: artist("korn") });
    expect(stdout).toContain("\u001B[32m+name: korn\u001B[39m\n");
  });

  it.each([
    ["diff", "no manifests are named\nGive -f FILE, -f FOLDER, or -f - for the standard input."],
    ["diff a.yaml", '"a.yaml" stands without -f\nWrite trellis diff -f a.yaml.'],
    [
      "diff -f nowhere.yaml",
      "nowhere.yaml is not there\n-f takes a file, a folder, or - for the standard input.",
    ],
    ["diff -f -", "there are no manifests in the standard input"],
  ])("%s fails with 2", async (command, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode: 2, stdout: "", stderr: `error: ${message}\n` });
  });

  it("fails with 2 when no server is there, too, and says in its help what its exit codes mean", async () => {
    const { trellis } = setup();
    const refuse = () => {
      throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    };
    const alone = createTerminal({ unary: refuse, stream: refuse });
    expect((await alone("diff -f -", { stdin: artist("korn") })).exitCode).toBe(2);
    expect((await trellis("diff --help")).stdout).toContain(
      "Exit codes: 0 nothing would change, 1 something would, 2 it failed.",
    );
  });
});
