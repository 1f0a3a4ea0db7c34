import { describe, expect, it } from "@jest/globals";

import { v2 } from "@trellis/demo";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { withoutFinalizer } from "@trellis/resource";
import { createVirtualClock } from "@trellis/testing";

import { observeArtist } from "../test-support/owned-albums.ts";
import { artist, serversOfTest, type TestSetup } from "../test-support/server.ts";

const setup = serversOfTest();
const HELD = "metadata: {finalizers: test}\n";
/** What a controller does when it has cleaned up. */
async function release({ server }: TestSetup, name: string): Promise<void> {
  const { id, data, version, metadata } = await server.client.read(v2.Artist, { name });
  await server.client.write(v2.Artist, {
    name,
    uid: id.uid,
    data,
    version,
    metadata: withoutFinalizer(metadata, "test"),
  });
}

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
    await trellis("apply -f -", { stdin: artist("korn", HELD) });
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

  it("deletes all that a selector fits, and names them", async () => {
    const { trellis } = setup();
    const stdin = [
      artist("korn", "metadata: {team: web}\n"),
      artist("abba"),
      artist("tool", "metadata: {team: web}\n"),
    ].join("---\n");
    await trellis("apply -f -", { stdin });
    const dry = await trellis("delete demo.v2.artist -l team=web --dry-run");
    expect(dry.stdout).toMatch(/\n2 resources: 2 deleted \(dry run: nothing is changed\)\n$/);
    expect(await trellis("delete demo.v2.artist -l team=web")).toEqual({
      exitCode: 0,
      stdout: "demo.v2.Artist/korn  deleted\ndemo.v2.Artist/tool  deleted\n\n2 resources: 2 deleted\n",
      stderr: "",
    });
    expect((await trellis("get demo.v2.artist -o name")).stdout).toBe("demo.v2.Artist/abba\n");
    expect(await trellis("delete demo.v2.artist -l team=web")).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "No Artist that fits the selector in namespace default.\n",
    });
    expect((await trellis("delete demo.v2.artist -A -l !team")).stdout).toMatch(/abba {2}deleted\n/);
  });

  it("waits with --wait until what has finalizers is gone", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    await world.trellis("apply -f -", { stdin: artist("korn", HELD) });
    let ended = false;
    const waiting = world.trellis("delete demo.v2.artist/korn --wait").finally(() => (ended = true));
    await clock.advance(5_000);
    expect(ended).toBe(false);
    await release(world, "korn");
    expect(await waiting).toEqual({
      exitCode: 0,
      stdout:
        "demo.v2.Artist/korn  marked     it has finalizers, and goes with the last of them\ndemo.v2.Artist/korn  deleted    after 5s\n",
      stderr: "",
    });
    await world.trellis("apply -f -", { stdin: artist("abba") });
    expect((await world.trellis("delete demo.v2.artist abba --wait")).stdout).toBe(
      "demo.v2.Artist/abba  deleted\n",
    );
  });

  it("gives up after --timeout, and says who holds what is still there", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    const stdin = [artist("korn", HELD), artist("tool", HELD), artist("abba", HELD)].join("---\n");
    await world.trellis("apply -f -", { stdin });
    const waiting = world.trellis("delete -f - --wait --timeout 10s", { stdin });
    await clock.advance(2_000);
    await release(world, "abba");
    await observeArtist(world.server, "tool", [["Emptied", Condition_State.FALSE, "", "waits for 1 Album"]]);
    await clock.advance(9_000);
    expect(await waiting).toEqual({
      exitCode: 1,
      stdout: expect.stringMatching(/\n3 resources: 1 deleted, 2 marked\n$/) as unknown,
      stderr:
        "error: demo.v2.Artist/tool: after 10s, it is still there, held by test (waits for 1 Album); 1 more is left\nThe deletion goes on all the same. Wait longer with --timeout.\n",
    });
  });

  it("waits for no other resource of the name", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    await world.trellis("apply -f -", { stdin: artist("korn", HELD) });
    const waiting = world.trellis("delete demo.v2.artist/korn --wait", {
      onOutput: (text) => void (text.includes("marked") && again()),
    });
    const again = async () => {
      await release(world, "korn");
      await world.trellis("apply -f -", { stdin: artist("korn") });
    };
    await clock.advance(1_000);
    expect((await waiting).exitCode).toBe(0);
  });

  it.each([
    ["delete", "nothing to delete is named\nGive KIND/NAME, KIND -l TERMS, or -f and manifests."],
    ["delete svc/a --timeout 1s", "--timeout says how long to wait, and nothing waits\nGive --wait too."],
    ["delete svc/a --wait --dry-run", "a dry run deletes nothing to wait for\nGive --dry-run or --wait."],
    ["delete svc/a -l a=b", "a selector chooses from many, and a name is given\nLeave out one of the two."],
    ["delete svc -l ", "--selector is empty, which would fit everything\nGive terms, as in -l team=web."],
    ["delete -l a=b", "nothing to delete is named\nGive KIND/NAME, KIND -l TERMS, or -f and manifests."],
    ["delete -f x -l a=b", "-l chooses from a type, and -f names manifests\nGive one of the two."],
    ["delete svc", '"svc" names a type and no resource of it\nGive a name: svc/NAME.'],
    ["delete svc -f x", '"svc" is named beside -f\nGive a resource, or -f and nothing else.'],
  ])("%s is refused", async (command, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode: 2, stdout: "", stderr: `error: ${message}\n` });
  });
});
