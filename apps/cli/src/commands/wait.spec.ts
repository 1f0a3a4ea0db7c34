import { describe, expect, it } from "@jest/globals";
import { v2 } from "@trellis/demo";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { createVirtualClock } from "@trellis/testing";

import { artist, serversOfTest, type TestSetup } from "../test-support/server.ts";

const setup = serversOfTest();
const name = { name: "korn" };

async function observe({ server }: TestSetup, observedGeneration: string): Promise<void> {
  const conditions = [{ type: "Ready", state: Condition_State.TRUE, reason: "AllWell" }];
  const read = await server.client.read(v2.Artist, name);
  await server.client.writeStatus(v2.Artist, read, {
    key: "test/controller",
    observedGeneration,
    conditions,
  });
}

describe("trellis wait", () => {
  it("is done at once when the condition holds", async () => {
    const world = setup();
    await world.trellis("apply -f -", { stdin: artist("korn") });
    await observe(world, (await world.server.client.read(v2.Artist, name)).generation);
    for (const wanted of ["Ready", "test/controller:Ready", "Ready=TRUE"])
      expect(await world.trellis(`wait demo.v2.artist/korn --for=condition=${wanted}`)).toEqual({
        exitCode: 0,
        stdout: "● demo.v2.Artist/korn: Ready is TRUE (AllWell)\n",
        stderr: "",
      });
  });

  it("waits until the condition holds of the current generation", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    await world.trellis("apply -f -", { stdin: artist("korn") });
    const { generation } = await world.server.client.read(v2.Artist, name);
    await world.trellis("apply -f -", { stdin: artist("korn").replace("METAL", "ROCK") });
    await observe(world, generation);
    let ended = false;
    const waiting = world
      .trellis("wait demo.v2.artist korn --for=condition=Ready")
      .finally(() => (ended = true));
    await clock.advance(10_000);
    expect(ended).toBe(false);
    await observe(world, (await world.server.client.read(v2.Artist, name)).generation);
    expect(await waiting).toMatchObject({
      exitCode: 0,
      stdout: "● demo.v2.Artist/korn: Ready is TRUE (AllWell)\n",
    });
  });

  it("gives up after --timeout, and says what it saw", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    await world.trellis("apply -f -", { stdin: artist("korn") });
    const waiting = world.trellis("wait demo.v2.artist korn --for=condition=Ready --timeout 5m");
    await clock.advance(299_000);
    await clock.advance(2_000);
    expect(await waiting).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        "error: demo.v2.Artist/korn: after 5m, it has no condition Ready; it has none at all\nWait longer with --timeout.\n",
    });
    const { generation } = await world.server.client.read(v2.Artist, name);
    await world.trellis("apply -f -", { stdin: artist("korn").replace("METAL", "ROCK") });
    await observe(world, generation);
    const stale = world.trellis("wait demo.v2.artist korn --for=condition=Ready --timeout 1s");
    await clock.advance(1_500);
    expect((await stale).stderr).toMatch(/after 1s, Ready is TRUE \(AllWell\), as of an older generation\n/);
    const absent = world.trellis("wait demo.v2.artist nobody --for=condition=Ready --timeout 1s");
    await clock.advance(1_500);
    expect((await absent).stderr).toMatch(/after 1s, it is not there\n/);
  });

  it("waits for a resource that does not exist yet", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    const waiting = world.trellis("wait demo.v2.artist korn --for=condition=Ready");
    await clock.advance(1_000);
    await world.trellis("apply -f -", { stdin: artist("korn") });
    await observe(world, (await world.server.client.read(v2.Artist, name)).generation);
    expect((await waiting).exitCode).toBe(0);
  });

  it("waits until a resource is gone, and is done when it never was", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    await world.trellis("apply -f -", { stdin: artist("korn") });
    const waiting = world.trellis("wait demo.v2.artist korn --for=deleted");
    await clock.advance(1_000);
    await world.trellis("delete demo.v2.artist korn");
    expect(await waiting).toMatchObject({ exitCode: 0, stdout: "● demo.v2.Artist/korn: it is gone\n" });
    expect((await world.trellis("wait demo.v2.artist nobody --for=deleted")).exitCode).toBe(0);
  });

  it("leaves no timer behind, and ends at Ctrl-C with 130", async () => {
    const clock = createVirtualClock();
    const world = setup({ clock });
    await clock.advance(1_000);
    const before = clock.pending();
    const interruption = new AbortController();
    const waiting = world.trellis("wait demo.v2.artist korn --for=condition=Ready", {
      signal: interruption.signal,
    });
    await clock.advance(1_000);
    interruption.abort();
    expect(await waiting).toEqual({ exitCode: 130, stdout: "", stderr: "" });
    await clock.flush();
    expect(clock.pending()).toBeLessThanOrEqual(before);
  });

  it.each([
    ["wait svc/api", "--for does not say what to wait for\nGive --for=condition=TYPE or --for=deleted."],
    ["wait svc --for=deleted", '"svc" names a type and no resource of it\nGive a name: svc/NAME.'],
    [
      "wait svc/api --for=deleted --timeout soon",
      '"soon" is not a time to wait\nWrite 500ms, 30s, 5m or 1h; at most 24h.',
    ],
  ])("%s is refused", async (command, message) => {
    const { trellis } = setup();
    expect(await trellis(command)).toEqual({ exitCode: 2, stdout: "", stderr: `error: ${message}\n` });
  });
});
