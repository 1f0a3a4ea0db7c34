import { describe, expect, it } from "@jest/globals";
import { v2 } from "@trellis/demo";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { createVirtualClock } from "@trellis/testing";

import { album, observeArtist } from "../test-support/owned-albums.ts";
import { artist, serversOfTest, type TestSetup } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();

async function plant(world: TestSetup): Promise<void> {
  const stdin = [
    artist("korn"),
    album("issues", "korn"),
    album("encore", "issues", "Album"),
    album("finale", "encore", "Album"),
    album("life", "korn"),
  ].join("---\n");
  expect((await world.trellis("apply -f -", { stdin })).exitCode).toBe(0);
}

describe("trellis tree", () => {
  it("shows a resource and what it owns, all the way down, and how each is", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    await plant(world);
    await observeArtist(world.server, "korn", [["Playing", Condition_State.FALSE, "Broke"]]);
    await clock.advance(7_000);
    expect(await world.trellis("tree demo.v2.artist/korn")).toEqual({
      exitCode: 0,
      stderr: "",
      stdout: [
        "demo.v2.Artist/korn             7s   ● not ready: Playing (Broke)",
        "├─ demo.v2.Album/issues         7s   -",
        "│  └─ demo.v2.Album/encore      7s   -",
        "│     └─ demo.v2.Album/finale   7s   -",
        "└─ demo.v2.Album/life           7s   -",
        "",
      ].join("\n"),
    });
  });

  it("goes as deep as --depth says, and says where there is more", async () => {
    const world = setup();
    await plant(world);
    const tree = async (depth: number) =>
      (await world.trellis(`tree demo.v2.artist korn --depth ${depth}`)).stdout
        .replaceAll(/ +\d+s +-$/gm, "")
        .trimEnd()
        .split("\n");
    expect(await tree(1)).toEqual([
      "demo.v2.Artist/korn",
      "├─ demo.v2.Album/issues",
      "│  └─ … more below; see --depth",
      "└─ demo.v2.Album/life",
    ]);
    expect(await tree(2)).toHaveLength(5);
    expect(await tree(3)).toHaveLength(5);
    expect((await tree(3)).join()).not.toContain("more");
  });

  it("shows a bounded number of resources, and says that there are more", async () => {
    const { server, trellis } = setup();
    await trellis("apply -f -", { stdin: artist("korn") });
    const { id: owner } = await server.client.read(v2.Artist, { name: "korn" });
    for (let index = 1_000; index < 2_001; index += 1)
      await server.client.write(v2.Album, { name: `album-${index}`, owner, data: { title: "x" } });
    const lines = (await trellis("tree demo.v2.artist/korn")).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).toBe("└─ … and more, beyond what one tree shows");
  });

  it("fits a narrow terminal", async () => {
    const world = setup();
    await plant(world);
    const conditions = [["Playing", Condition_State.FALSE, "OfAllReasonsTheLongest"]] as const;
    await observeArtist(world.server, "korn", conditions);
    const narrow = createTerminal(world.server.transport, { columns: 60 });
    const [first = ""] = (await narrow("tree demo.v2.artist/korn")).stdout.split("\n");
    expect(first).toHaveLength(60);
    expect(first).toMatch(/…$/);
  });

  it.each([
    ["tree svc", 2, '"svc" names a type and no resource of it\nGive a name: svc/NAME.'],
    [
      "tree svc/a --depth 0",
      2,
      "option '--depth <levels>' argument '0' is invalid. Give a number from 1 to 100.\nSee \"trellis tree --help\".",
    ],
    ["tree node/a", 1, 'node/a is not there\nSee "trellis get node".'],
  ])("%s is refused", async (command, exitCode, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode, stdout: "", stderr: `error: ${message}\n` });
  });
});
