import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import { repositoryRoot } from "../test-support/repository.ts";

import { artist, serversOfTest } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();

describe("trellis apply", () => {
  it("says created, then unchanged, then updated", async () => {
    const { trellis } = setup();
    const apply = async (stdin: string) => (await trellis("apply -f -", { stdin })).stdout;
    expect(await apply(artist("korn"))).toBe("demo.v2.Artist/korn  created\n\n1 resource: 1 created\n");
    expect(await apply(artist("korn"))).toBe("demo.v2.Artist/korn  unchanged\n\n1 resource: 1 unchanged\n");
    expect(await apply(artist("korn", "metadata: {a: b}\n"))).toMatch(/^demo.v2.Artist\/korn {2}updated\n/);
  });

  it("applies the examples whole, twice, and what get prints of them", async () => {
    const { server, trellis } = setup({}, { cwd: repositoryRoot });
    const first = await trellis("apply -f examples/catalog");
    expect(first).toMatchObject({ exitCode: 0, stderr: "" });
    expect(first.stdout).toMatch(/\n52 resources: 52 created\n$/);
    await server.settled();
    expect((await trellis("apply -f examples/catalog")).stdout).toMatch(/\n52 resources: 52 unchanged\n$/);
    for (const kind of [
      "service",
      "workload",
      "healthstatus",
      "node",
      "nodehealthstatus",
      "serviceendpoints",
    ]) {
      for (const format of ["yaml", "json"]) {
        const printed = await trellis(`get ${kind} -o ${format}`);
        const again = await trellis("apply -f -", { stdin: printed.stdout });
        expect(again.stdout).toMatch(/\n\d+ resources: (\d+) unchanged\n$/);
      }
    }
  });

  it("writes owners first, wherever they stand", async () => {
    const { trellis } = setup();
    const owned =
      "type: demo.v2.Album\nname: issues\nowner: {type: demo.v2.Artist, name: korn}\ndata: {title: x}\n";
    const { stdout, exitCode } = await trellis("apply -f -", { stdin: `${owned}---\n${artist("korn")}` });
    expect(stdout).toBe(
      "demo.v2.Artist/korn   created\ndemo.v2.Album/issues  created\n\n2 resources: 2 created\n",
    );
    expect(exitCode).toBe(0);
  });

  it("tries everything, names every fault with its place, and exits with 1", async () => {
    const { trellis } = setup();
    const stdin = [
      artist("good"),
      artist("bad").replace("METAL", "MTAL"),
      "type: demo.v2.Artist\nname: nameless\ndata: {name: ''}\n",
      "type: demo.v2.Album\nname: orphan\nowner: {type: demo.v2.Artist, name: nobody}\ndata: {title: x}\n",
      artist("Upper_Case"),
      "type: [",
    ].join("---\n");
    const { stdout, exitCode } = await trellis("apply -f -", { stdin });
    expect(exitCode).toBe(1);
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^demo\.v2\.Artist\/good +created$/);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^demo\.v2\.Artist\/bad +failed +standard input:7:26 {2}data\.genre: expected a Genre \(did you mean GENRE_METAL\?\), found the string "GENRE_MTAL"$/,
      ),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/\/nameless +failed +standard input:11:8 {2}data\.name: artist\.name required: /),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(
        /\/orphan +failed +standard input:15:1 {2}owner: does not exist: demo\.v2\.Artist /,
      ),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/\/Upper_Case +failed +standard input:19:1 {2}name: must be 1 to 63 /),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^standard input +failed +standard input:\d+:\d+ {2}this is not YAML: /),
    );
    expect(lines).toContain("6 resources: 1 created, 5 failed");
  });

  it("tells owners that form a circle, and a resource that stands twice", async () => {
    const { trellis } = setup();
    const album = (name: string, owner: string) =>
      `type: demo.v2.Album\nname: ${name}\nowner: {type: demo.v2.Album, name: ${owner}}\ndata: {title: x}\n`;
    const stdin = [album("a", "b"), album("b", "a"), artist("twice"), artist("twice")].join("---\n");
    const { stdout } = await trellis("apply -f -", { stdin });
    expect(stdout).toMatch(
      /Album\/a +failed +standard input:\d+:1 {2}owner: the owners form a circle: demo\.v2\.Album\/\w → .* → /,
    );
    expect(stdout).toMatch(
      /Artist\/twice +failed +standard input:15:1 {2}the same resource stands in standard input:11 already; remove one/,
    );
  });

  it("applies the files of a folder that can be read", async () => {
    const cwd = await mkdtemp(join(tmpdir(), "trellis-apply-"));
    try {
      await writeFile(join(cwd, "good.yaml"), artist("korn"));
      await writeFile(join(cwd, "latin.yaml"), Buffer.from([0xe9]));
      const { trellis } = setup({}, { cwd });
      const { stdout, exitCode } = await trellis("apply -f .");
      expect(stdout).toMatch(
        /korn +created\nlatin\.yaml +failed +latin\.yaml:1:1 {2}the file is not UTF-8 text\n/,
      );
      expect(exitCode).toBe(1);
    } finally {
      await rm(cwd, { recursive: true });
    }
  });

  it("stores nothing in a dry run, not even an owner that would be created", async () => {
    const { trellis } = setup();
    const owned =
      "type: demo.v2.Album\nname: issues\nowner: {type: demo.v2.Artist, name: korn}\ndata: {title: x}\n";
    const { stdout } = await trellis("apply --dry-run -f -", { stdin: `${artist("korn")}---\n${owned}` });
    expect(stdout).toMatch(/2 resources: 2 created \(dry run: nothing is changed\)\n$/);
    expect((await trellis("get demo.v2.artist -o name")).stdout).toBe("");
  });

  it("puts manifests without a tenancy where -n and -p say, and shows them so", async () => {
    const { trellis } = setup();
    const stdin = artist("korn", "namespace: default\n");
    expect((await trellis("apply -n default -f -", { stdin })).exitCode).toBe(0);
    const elsewhere = await trellis("apply -n nowhere -f -", { stdin: artist("korn") });
    expect(elsewhere.stdout).toMatch(
      /^demo\.v2\.Artist\/korn -n nowhere +failed +standard input:1:1 {2}namespace: not found: "default\/nowhere"; make it first, as a tenancy\.v1\.Namespace\n/,
    );
  });

  it("shows how far it is on a terminal where there are many, and leaves nothing of that behind", async () => {
    const { server, trellis } = setup();
    const stdin = Array.from({ length: 60 }, (_, index) => artist(`artist-${index}`)).join("---\n");
    const terminal = createTerminal(server.transport, { columns: 80 });
    const { stdout, stderr } = await terminal("apply -f -", { stdin });
    expect(stdout).toMatch(/\n60 resources: 60 created\n$/);
    expect(stderr).toMatch(/Applying {2}█+░* {2}\d+\/60/);
    expect(stderr.endsWith("\r\u001B[K")).toBe(true);
    const few = await terminal("apply -f -", { stdin: artist("korn") });
    expect(few.stderr).toBe("");
    expect((await trellis("apply -f -", { stdin })).stderr).toBe("");
  });

  it.each([
    ["apply", "error: no manifests are named\nGive -f FILE, -f FOLDER, or -f - for the standard input.\n", 2],
    ["apply a.yaml", 'error: "a.yaml" stands without -f\nWrite trellis apply -f a.yaml.\n', 2],
    [
      "apply -f",
      "error: option '-f, --filename <path...>' argument missing\nSee \"trellis apply --help\".\n",
      2,
    ],
    [
      "apply -f nowhere.yaml",
      "error: nowhere.yaml is not there\n-f takes a file, a folder, or - for the standard input.\n",
      1,
    ],
    ["apply -f -", "error: there are no manifests in the standard input\n", 1],
  ])("%s is refused", async (command, stderr, exitCode) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode, stdout: "", stderr });
  });

  it("ends at Ctrl-C, between two resources, with 130", async () => {
    const { trellis } = setup();
    const interruption = new AbortController();
    const stdin = ["a", "b", "c"].map((name) => artist(name)).join("---\n");
    const { exitCode } = await trellis("apply -f -", {
      stdin,
      signal: interruption.signal,
      onOutput: () => interruption.abort(),
    });
    expect(exitCode).toBe(130);
    expect((await trellis("get demo.v2.artist -o name")).stdout).toBe("demo.v2.Artist/a\n");
  });
});
