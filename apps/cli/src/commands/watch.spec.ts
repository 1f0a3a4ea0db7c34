import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { createVirtualClock, type VirtualClock } from "@trellis/testing";

import { artist, serversOfTest } from "../test-support/server.ts";
import { storeUnknown } from "../test-support/unknown-payload.ts";
import { createTerminal } from "../test-support/terminal.ts";

const setup = serversOfTest();

/** Starts a watch; `end` is Ctrl-C. */
function watching(trellis: ReturnType<typeof createTerminal>, command: string) {
  const interruption = new AbortController();
  let text = "";
  const ended = trellis(command, { signal: interruption.signal, onOutput: (more) => (text += more) });
  return {
    text: () => text,
    end() {
      interruption.abort();
      return ended;
    },
  };
}

async function withArtists(): Promise<{ clock: VirtualClock } & ReturnType<typeof setup>> {
  const clock = createVirtualClock();
  const setting = setup({ clock });
  await setting.trellis("apply -f -", {
    stdin: `${artist("abba")}---\n${artist("korn", "metadata: {team: web}\n")}`,
  });
  return { clock, ...setting };
}

describe("trellis watch", () => {
  it("shows what is there, then every change, until Ctrl-C", async () => {
    const { clock, trellis } = await withArtists();
    const watch = watching(trellis, "watch demo.v2.artist");
    await clock.advance(5_000);
    await trellis("apply -f -", { stdin: artist("korn").replace("METAL", "ROCK") });
    await trellis("delete demo.v2.artist abba");
    await trellis("apply -f -", { stdin: artist("zz-top") });
    await clock.advance(100);
    expect(await watch.end()).toEqual({
      exitCode: 130,
      stderr: "",
      stdout: [
        "NAME   EVENT     GENRE   MEMBERS   AGE",
        "abba   added     METAL   0         0s",
        "korn   added     METAL   0         0s",
        "korn   changed   ROCK    0         5s",
        "abba   deleted   METAL   0         5s",
        "zz-top   added     METAL   0         0s",
        "",
      ].join("\n"),
    });
  });

  it("prints names, documents or lines of JSON", async () => {
    const { clock, trellis } = await withArtists();
    const watches = ["name", "json", "yaml"].map((output) =>
      watching(trellis, `watch demo.v2.artist/korn -o ${output}`),
    );
    await clock.advance(1_000);
    await trellis("delete demo.v2.artist korn");
    await clock.advance(100);
    const [names, json, yaml] = await Promise.all(watches.map((watch) => watch.end()));
    expect(names?.stdout).toBe("demo.v2.Artist/korn added\ndemo.v2.Artist/korn deleted\n");
    const lines = (json?.stdout.trimEnd().split("\n") ?? []).map((line) => JSON.parse(line) as unknown);
    expect(lines).toMatchObject([
      { event: "added", resource: { name: "korn", data: { genre: "GENRE_METAL" } } },
      { event: "deleted", resource: { name: "korn", data: { genre: "GENRE_METAL" } } },
    ]);
    expect(yaml?.stdout).toMatch(/^# added\ntype: demo\.v2\.Artist\n.*---\n# deleted\ntype: .*---\n$/s);
  });

  it("shows only what fits a selector, and what leaves it as deleted", async () => {
    const { clock, trellis } = await withArtists();
    const watch = watching(trellis, "watch demo.v2.artist -l team=web -o name");
    await clock.advance(1_000);
    await trellis("apply -f -", { stdin: artist("korn") });
    await clock.advance(100);
    expect((await watch.end()).stdout).toBe("demo.v2.Artist/korn added\ndemo.v2.Artist/korn deleted\n");
  });

  it("shows a payload of an unknown type as bytes, and goes on", async () => {
    const { clock, server, trellis } = await withArtists();
    const watch = watching(trellis, "watch demo.v2.artist -o json");
    await clock.advance(1_000);
    await storeUnknown(server, "strange");
    await trellis("apply -f -", { stdin: artist("zz-top") });
    await clock.advance(100);
    const lines = (await watch.end()).stdout.trimEnd().split("\n");
    expect(lines.slice(2).map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event: "added", resource: { name: "strange", data: { value: "AQID" } } },
      { event: "added", resource: { name: "zz-top", data: { name: "zz-top" } } },
    ]);
  });

  it("resumes after a cut, saying so once, and misses nothing", async () => {
    const { clock, server, trellis } = await withArtists();
    const cuts = cuttable(server.transport);
    const watch = watching(createTerminal(cuts.transport, { clock }), "watch demo.v2.artist -o name");
    await clock.advance(1_000);
    cuts.cut(3);
    await trellis("delete demo.v2.artist abba");
    await trellis("apply -f -", { stdin: artist("zz-top") });
    await clock.advance(60_000);
    const { stdout, stderr } = await watch.end();
    expect(stdout.split("\n")).toEqual([
      "demo.v2.Artist/abba added",
      "demo.v2.Artist/korn added",
      "demo.v2.Artist/abba deleted",
      "demo.v2.Artist/zz-top added",
      "",
    ]);
    expect(stderr).toBe("cannot reach http://trellis.test:7500: the connection was cut; trying again\n");
  });

  it("ends well when nobody reads it any more", async () => {
    const { clock, trellis } = await withArtists();
    const reader = new AbortController();
    const ended = trellis("watch demo.v2.artist -o name", {
      readerGone: reader.signal,
      onOutput: () => reader.abort(),
    });
    await clock.advance(100);
    expect(await ended).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("says at once that nothing is there, by its header", async () => {
    const { clock, trellis } = await withArtists();
    const watch = watching(trellis, "watch executive");
    await clock.advance(100);
    expect(watch.text()).toBe("NAME   EVENT     POSITION   AGE\n");
    expect((await watch.end()).exitCode).toBe(130);
  });

  it("ends with an error that would come again", async () => {
    const { server, trellis } = await withArtists();
    const denied = createTerminal({
      unary: (...args) => server.transport.unary(...args),
      stream() {
        throw new ConnectError("you may not watch", Code.PermissionDenied);
      },
    });
    expect(await denied("watch demo.v2.artist")).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "error: you may not watch\n",
    });
    expect(await trellis("watch svc/a -l b=c")).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: "error: a selector chooses from many, and a name is given\nLeave out one of the two.\n",
    });
  });
});

/** A transport whose streams can be cut; a number of the next are refused too. */
function cuttable(transport: Transport) {
  let cutting = new AbortController();
  let refusals = 0;
  const failure = () =>
    new ConnectError("cut", Code.Unavailable, undefined, undefined, { cause: { code: "ECONNRESET" } });
  return {
    cut(refused: number) {
      refusals = refused;
      cutting.abort();
      cutting = new AbortController();
    },
    transport: {
      unary: (...args) => transport.unary(...args),
      async stream(method, signal, ...rest) {
        if (refusals > 0) {
          refusals -= 1;
          throw failure();
        }
        const { signal: cut } = cutting;
        const both = signal === undefined ? cut : AbortSignal.any([signal, cut]);
        const response = await transport.stream(method, both, ...rest);
        return { ...response, message: untilCut(response.message, cut, failure) };
      },
    } as Transport,
  };
}

async function* untilCut<Message>(messages: AsyncIterable<Message>, cut: AbortSignal, failure: () => Error) {
  try {
    yield* messages;
  } catch (error) {
    throw cut.aborted ? failure() : error;
  }
}
