import { describe, expect, it } from "@jest/globals";
import { v2 } from "@trellis/demo";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { createVirtualClock } from "@trellis/testing";

import { album, observeArtist } from "../test-support/owned-albums.ts";
import { artist, serversOfTest } from "../test-support/server.ts";
import { createTerminal } from "../test-support/terminal.ts";
import { storeUnknown } from "../test-support/unknown-payload.ts";

const setup = serversOfTest();
const { TRUE, FALSE, UNKNOWN } = Condition_State;

describe("trellis describe", () => {
  it("shows how a resource is, what it is, its conditions, what it owns and its data", async () => {
    const clock = createVirtualClock();
    const { server, trellis } = setup({ clock });
    const stdin = [
      artist("korn", "metadata: {team: web, finalizers: test, area: north}\n"),
      album("issues", "korn"),
      album("life", "korn"),
    ].join("---\n");
    await trellis("apply -f -", { stdin });
    await clock.advance(60_000);
    await observeArtist(server, "korn", [
      ["Playing", TRUE, "OnTour", "They play tonight."],
      ["Sober", FALSE],
      ["Known", UNKNOWN, "NobodyAsked"],
    ]);
    await clock.advance(5_000);
    const { stdout, stderr, exitCode } = await trellis("describe demo.v2.artist/korn");
    expect([stderr, exitCode]).toEqual(["", 0]);
    expect(stdout.replaceAll(/\b[\dA-Z]{26}\b|\b\d{5,}\b|\d{4}-\S+Z/g, "*").split("\n")).toEqual([
      "demo.v2.Artist/korn  ● not ready: Sober",
      "",
      "Type        demo.v2.Artist",
      "Namespace   default",
      "Partition   default",
      "Metadata    area=north",
      "            team=web",
      "Age         65s, since *",
      "Finalizers  test",
      "UID         *",
      expect.stringMatching(/^Version {5}\S+$/),
      "Generation  *",
      "",
      "Conditions",
      "  ● Sober    FALSE    -            5s",
      "  ● Known    UNKNOWN  NobodyAsked  5s",
      "  ● Playing  TRUE     OnTour       5s  They play tonight.",
      "",
      "Owns",
      "  demo.v2.Album/issues  65s",
      "  demo.v2.Album/life    65s",
      "",
      "Data",
      "  name: korn",
      "  genre: GENRE_METAL",
      "",
    ]);
    expect((await trellis("describe demo.v2.album issues")).stdout).toContain(
      "\nOwner       demo.v2.Artist/korn\n",
    );
  });

  it("says what is being deleted, what holds it, and which conditions are older than the last change", async () => {
    const clock = createVirtualClock();
    const { server, trellis } = setup({ clock });
    await trellis("apply -f -", { stdin: artist("korn", "metadata: {finalizers: test other}\n") });
    await observeArtist(server, "korn", [["Playing", TRUE]]);
    await observeArtist(server, "korn", [["Playing", FALSE, "", "broken"]], { key: "test/other" });
    await trellis("delete demo.v2.artist/korn");
    await clock.advance(180_000);
    const { stdout } = await trellis("describe demo.v2.artist korn");
    expect(stdout).toMatch(/^demo\.v2\.Artist\/korn {2}● being deleted\n/);
    expect(stdout).toContain("\nDeletion    asked for 3m ago, held by test, other\n");
    expect(stdout).toContain("● test/other:Playing       FALSE  -  3m  (before the last change) broken\n");
    expect(stdout).toContain("● test/controller:Playing  TRUE   -  3m  (before the last change)\n");
  });

  it("fits a narrow terminal", async () => {
    const { server, trellis } = setup();
    await trellis("apply -f -", { stdin: `${artist("korn")}---\n${album("issues", "korn")}` });
    await observeArtist(server, "korn", [["Playing", TRUE, "OnTour", "a_message_of_one_word".repeat(9)]]);
    const narrow = createTerminal(server.transport, { columns: 50 });
    const lines = (await narrow("describe demo.v2.artist/korn")).stdout.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(50);
    expect(lines).toContainEqual(expect.stringMatching(/a_message_of.*…$/));
  });

  it("names a bounded number of what it owns, and the beginning of its data", async () => {
    const { server, trellis } = setup();
    await trellis("apply -f -", { stdin: artist("korn") });
    const { id: owner } = await server.client.read(v2.Artist, { name: "korn" });
    for (let index = 10; index < 31; index += 1)
      await server.client.write(v2.Album, { name: `album-${index}`, owner, data: { title: "x" } });
    const tracks = Array.from({ length: 40 }, (_, index) => `track ${index}`);
    await server.client.write(v2.Album, { name: "long", data: { title: "x", tracks } });
    const owns = (await trellis("describe demo.v2.artist/korn")).stdout;
    expect(owns.match(/ {2}demo\.v2\.Album/g)).toHaveLength(20);
    expect(owns).toContain('  … and more; see "trellis tree demo.v2.Artist/korn"\n');
    const data = (await trellis("describe demo.v2.album/long")).stdout;
    expect(data).toMatch(/ {2}… 19 more lines; "trellis get" with -o yaml shows them\n$/);
  });

  it("shows a payload of an unknown type as bytes", async () => {
    const { server, trellis } = setup();
    await storeUnknown(server, "strange");
    expect((await trellis("describe demo.v2.artist/strange")).stdout).toMatch(/\n {2}value: AQID\n$/);
  });

  it("is painted on a terminal", async () => {
    const { server, trellis } = setup();
    await trellis("apply -f -", { stdin: artist("korn") });
    await observeArtist(server, "korn", [["Playing", TRUE]]);
    const coloured = createTerminal(server.transport, { colour: true });
    const { stdout } = await coloured("describe demo.v2.artist/korn");
    expect(stdout).toContain("\u001B[32m● ready\u001B[39m\n");
    expect(stdout).toContain("\u001B[1mConditions\u001B[22m\n");
  });

  it.each([
    ["describe svc", 2, '"svc" names a type and no resource of it\nGive a name: svc/NAME.'],
    [
      "describe svc/a",
      1,
      'service/a is not there in namespace default\nSee "trellis get service", or "trellis get service -A".',
    ],
  ])("%s is refused", async (command, exitCode, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode, stdout: "", stderr: `error: ${message}\n` });
  });
});
