import type { Transport } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import demo from "@trellis/demo";
import { apiError } from "@trellis/resource";
import { systemDomain } from "@trellis/system";
import { createVirtualClock } from "@trellis/testing";

import { artist, serversOfTest } from "../test-support/server.ts";
import { storeUnknown } from "../test-support/unknown-payload.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();
describe("trellis get", () => {
  it("shows one resource or all of a type, in every format", async () => {
    const clock = createVirtualClock();
    const { trellis } = setup({ clock });
    const stdin = `${artist("korn", "metadata: {team: web}\n")}---\n${artist("abba").replace("METAL", "DISCO")}`;
    await trellis("apply -f -", { stdin });
    await clock.advance(42_000);
    const get = async (command: string) => {
      const { stdout, stderr, exitCode } = await trellis(command);
      expect([stderr, exitCode]).toEqual(["", 0]);
      return stdout;
    };
    expect(await get("get demo.v2.artist")).toBe(
      "NAME   GENRE   MEMBERS   AGE\nabba   DISCO   0         42s\nkorn   METAL   0         42s\n",
    );
    expect(await get("get DEMO.V2.ARTIST/korn")).toBe(
      "NAME   GENRE   MEMBERS   AGE\nkorn   METAL   0         42s\n",
    );
    expect(await get("get demo.v2.artist -o wide")).toMatch(
      /^NAME {3}GENRE {3}MEMBERS {3}VERSION +UID +AGE\n/,
    );
    expect(await get("get demo.v2.artist -o name")).toBe("demo.v2.Artist/abba\ndemo.v2.Artist/korn\n");
    expect(await get("get demo.v2.artist -A")).toMatch(
      /^NAME {3}NAMESPACE {3}PARTITION {3}GENRE +MEMBERS +AGE\nabba +default +default +DISCO/,
    );
    expect(await get("get demo.v2.artist korn -o yaml")).toMatch(
      /^type: demo\.v2\.Artist\nname: korn\npartition: default\nnamespace: default\nmetadata:\n {2}team: web\ndata:\n {2}name: korn\n {2}genre: GENRE_METAL\nuid: \w{26}\nversion: "\d+"\ngeneration: \w{26}\n$/,
    );
    expect((await get("get demo.v2.artist -o yaml")).split("---\n")).toHaveLength(2);
    expect(JSON.parse(await get("get demo.v2.artist/korn -o json"))).toMatchObject({ name: "korn" });
    expect(JSON.parse(await get("get demo.v2.artist -o json"))).toMatchObject([
      { name: "abba" },
      { name: "korn" },
    ]);
    expect(await get("get demo.v2.artist -l team=web -o name")).toBe("demo.v2.Artist/korn\n");
  });

  it("shows a payload of an unknown type as bytes, and the list with it", async () => {
    const { server, trellis } = setup();
    await trellis("apply -f -", { stdin: artist("korn") });
    await storeUnknown(server, "strange");
    const { stdout, exitCode } = await trellis("get demo.v2.artist -o json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "korn", data: { name: "korn" } },
      { name: "strange", data: { "@type": "type.googleapis.com/gone.v1.Thing", value: "AQID" } },
    ]);
    expect((await trellis("get demo.v2.artist")).stdout).toMatch(/^strange +- +- +/m);
  });

  it.each([
    ["get demo.v2.artist -o json", "[]\n", ""],
    ["get demo.v2.artist -o yaml", "", ""],
    ["get demo.v2.artist", "", "No Artist in namespace default.\n"],
    ["get demo.v2.artist -l a=b -n default", "", "No Artist that fits the selector in namespace default.\n"],
    ["get recordlabel", "", "No RecordLabel.\n"],
    ["get executive -A", "", "No Executive.\n"],
  ])("%s of nothing is no error", async (command, stdout, stderr) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode: 0, stdout, stderr });
  });

  it.each([
    ["get", 2, "missing required argument 'kind'\nSee \"trellis get --help\"."],
    [
      "get servce",
      2,
      'the server knows no type "servce"\nDid you mean "service" or "services"? See "trellis types".',
    ],
    [
      "get artist",
      2,
      '"artist" may be demo.v1.Artist or demo.v2.Artist\nName one of them in full, as in "demo.v1.Artist".',
    ],
    ["get svc,wl", 2, '"svc,wl" is a list of types\nName one type at a time.'],
    ["get svc a,b", 2, '"a,b" is a list of names\nGive one name, or list with --selector.'],
    ["get svc/", 2, "the name after the / is missing\nGive KIND/NAME."],
    ["get svc/a b", 2, '"svc/a" has a name already, and "b" is another\nGive one: KIND NAME or KIND/NAME.'],
    [
      "get svc/a -A",
      2,
      "-A lists every namespace, and a name is in one\nGive the namespace with -n, or leave out the name.",
    ],
    ["get svc -A -n x", 2, "-A lists every namespace, and -n names one\nGive one of the two."],
    ["get svc/a -l b=c", 2, "a selector chooses from a list, and a name is given\nLeave out one of the two."],
    [
      "get svc api",
      1,
      'service/api is not there in namespace default\nSee "trellis get service", or "trellis get service -A".',
    ],
    ["get node/a", 1, 'node/a is not there\nSee "trellis get node".'],
    ["get --frm svc", 2, "unknown option '--frm'\nSee \"trellis get --help\"."],
    ["gt svc", 2, "unknown command 'gt'\nDid you mean get? See \"trellis --help\"."],
    [
      "get svc --server ftp://x",
      2,
      'the server "ftp://x" is not an address\nGive --server or TRELLIS_SERVER as http://HOST:PORT.',
    ],
  ])("%s is refused", async (command, exitCode, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode, stdout: "", stderr: `error: ${message}\n` });
  });

  it("says which part of a selector cannot be read", async () => {
    const { trellis } = setup();
    const { stderr, exitCode } = await trellis(["get", "svc", "-l", "a in b"]);
    expect(stderr).toMatch(
      /^error: --selector "a in b": .+\nTerms on metadata, as in a=b,c!=d,e in \(x,y\),f,!g\.\n$/,
    );
    expect(exitCode).toBe(2);
  });

  it("reads every page, and starts over when the version of the first is gone, saying so", async () => {
    const { server, trellis } = setup();
    const stdin = Array.from({ length: 501 }, (_, index) => artist(`artist-${index}`)).join("---\n");
    expect((await trellis("apply -f -", { stdin })).exitCode).toBe(0);
    const lines = (text: string) => text.trimEnd().split("\n").length;
    expect(lines((await trellis("get demo.v2.artist -o name")).stdout)).toBe(501);

    const once = createTerminal(expiringPages(server.transport, 1));
    const { stdout, stderr } = await once("get demo.v2.artist -o name");
    expect(stderr).toBe("The list took longer than the store keeps its version; starting over.\n");
    expect(lines(stdout)).toBe(501);

    const always = createTerminal(expiringPages(server.transport, 100));
    const failed = await always("get demo.v2.artist -o name");
    expect(failed).toMatchObject({ exitCode: 1, stdout: "" });
    expect(failed.stderr).toMatch(/(starting over\.\n){1}.*error: the page has expired\n$/s);
  });

  it("is coloured only on a terminal", async () => {
    const { server, trellis } = setup();
    const coloured = createTerminal(server.transport, { colour: true });
    await trellis("apply -f -", { stdin: artist("korn") });
    expect((await coloured("get demo.v2.artist")).stdout).toContain("\u001B[1mNAME\u001B[22m");
    expect((await coloured("get nothing")).stderr).toContain("\u001B[31merror:\u001B[39m");
    expect((await trellis("get demo.v2.artist")).stdout).not.toContain("\u001B");
    expect((await coloured("get demo.v2.artist -o yaml")).stdout).not.toContain("\u001B");
  });

  it("lists tombstones wherever they lie: a type without a scope has no tenancy of its own", async () => {
    const { trellis } = setup({
      domains: [systemDomain, demo],
      config: { tombstones: true },
      controllers: [],
    });
    await trellis("apply -f -", { stdin: artist("korn") });
    await trellis("delete demo.v2.artist/korn");
    for (const command of ["get tombstones", "get tombstones -A", "get tombstones -n default"])
      expect((await trellis(command)).stdout).toMatch(/^NAME .*\n\S+ .*\n$/);
    expect((await trellis("get tombstones -p elsewhere")).stderr).toBe(
      "No Tombstone in partition elsewhere.\n",
    );
  });
});

/** A transport whose second pages come too late, a number of times. */
function expiringPages(transport: Transport, times: number): Transport {
  let left = times;
  return {
    stream: (...args) => transport.stream(...args),
    unary(...args) {
      const [method, , , , message] = args;
      const isLaterPage = method.name === "List" && (message as { pageToken?: string }).pageToken !== "";
      if (isLaterPage && left > 0) {
        left -= 1;
        throw apiError({ reason: "PAGE_EXPIRED", message: "the page has expired" });
      }
      return transport.unary(...args);
    },
  };
}
