import { describe, expect, it } from "@jest/globals";

import { artist, serversOfTest } from "../test-support/server.ts";

const setup = serversOfTest();

describe("trellis delete", () => {
  it("deletes one resource, and is content when it is gone already", async () => {
    const { trellis } = setup();
    await trellis("apply -f -", { stdin: artist("korn") });
    expect(await trellis("delete demo.v2.artist korn")).toEqual({
      exitCode: 0,
      stdout: "demo.v2.Artist/korn  deleted\n",
      stderr: "",
    });
    expect(await trellis("delete demo.v2.artist/korn")).toEqual({
      exitCode: 0,
      stdout: "demo.v2.Artist/korn  absent     there was nothing to delete\n",
      stderr: "",
    });
  });

  it("deletes nothing in a dry run", async () => {
    const { trellis } = setup();
    await trellis("apply -f -", { stdin: artist("korn") });
    expect((await trellis("delete demo.v2.artist korn --dry-run")).stdout).toBe(
      "demo.v2.Artist/korn  deleted    not yet: this is a dry run\n",
    );
    expect((await trellis("get demo.v2.artist -o name")).stdout).toBe("demo.v2.Artist/korn\n");
  });

  it("marks what has finalizers", async () => {
    const { trellis } = setup();
    await trellis("apply -f -", { stdin: artist("korn", "metadata: {finalizers: test}\n") });
    const { stdout } = await trellis("delete demo.v2.artist korn");
    expect(stdout).toBe(
      "demo.v2.Artist/korn  marked     it has finalizers, and goes with the last of them\n",
    );
  });

  it("deletes what manifests name, owned resources before their owners", async () => {
    const { trellis } = setup();
    const owned =
      "type: demo.v2.Album\nname: issues\nowner: {type: demo.v2.Artist, name: korn}\ndata: {title: x}\n";
    const stdin = `${artist("korn")}---\n${owned}`;
    await trellis("apply -f -", { stdin });
    const { stdout, exitCode } = await trellis("delete -f -", { stdin: `${stdin}---\nname: broken\n` });
    expect(stdout.split("\n").map((line) => line.replaceAll(/ +/g, " "))).toEqual([
      "demo.v2.Album/issues deleted",
      "demo.v2.Artist/korn deleted",
      expect.stringMatching(/^standard input \(3\) failed standard input:10:1 type: a type is missing/),
      "",
      "3 resources: 2 deleted, 1 failed",
      "",
    ]);
    expect(exitCode).toBe(1);
  });

  it.each([
    ["delete", "nothing to delete is named\nGive KIND/NAME, or -f and manifests."],
    ["delete svc", '"svc" names a type and no resource of it\nGive a name: svc/NAME.'],
    ["delete svc -f x", '"svc" is named beside -f\nGive a resource, or -f and nothing else.'],
  ])("%s is refused", async (command, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode: 2, stdout: "", stderr: `error: ${message}\n` });
  });
});
