import { join } from "node:path";

import { afterEach, describe, expect, it } from "@jest/globals";
import { runProgram } from "@trellis/testkit";

import { repositoryRoot } from "./test-support/checkout.ts";
import { type Standalone, startStandalone } from "./test-support/standalone.ts";

/** The command line as npm links it. */
const TRELLIS = join(repositoryRoot, "node_modules/.bin/trellis");
const FREE_PORT = ["--listen", "127.0.0.1:0"];
/** What a user waits at most to see that it runs. */
const SCREEN_MS = 5_000;

let running: Standalone[] = [];
afterEach(async () => {
  await Promise.all(running.map((one) => one.end()));
  running = [];
});

function start(...args: Parameters<typeof startStandalone>): Standalone {
  const standalone = startStandalone(...args);
  running.push(standalone);
  return standalone;
}

describe("the start of a standalone server", () => {
  it("shows within five seconds where it is, what runs, where the data lives, and what to do next", async () => {
    const standalone = start([...FREE_PORT, "--domain", "@trellis/catalog", "--domain", "@trellis/demo"]);
    await standalone.seen(/Ctrl-C/, SCREEN_MS);
    const screen = standalone.stdout();
    expect(screen).toMatch(/● Trellis \d+\.\d+\.\d+ is running at http:\/\/127\.0\.0\.1:\d+\n/);
    expect(screen).toMatch(/types +\d+ in .*catalog\.v1 \(\d+\).*demo\.v2 \(\d+\)/);
    expect(screen).toMatch(
      /controllers +.*node-health, workload-health, service-endpoints.*, the system's own\n/,
    );
    expect(screen).toMatch(/data +in .*trellis-standalone-/);
    expect(screen).toMatch(/try next +npx trellis apply -f examples\/catalog/);
    // Colours are for terminals.
    expect(screen).not.toContain("\u001B");
    expect(standalone.stderr()).toBe("");
  });

  it("says of the types what trellis status says", async () => {
    const standalone = start([...FREE_PORT, "--domain", "@trellis/catalog", "--domain", "@trellis/demo"]);
    const url = await standalone.url();
    const { stdout } = await runProgram(TRELLIS, ["status", "--server", url]);
    const [, types] = /types +(.*)\n/.exec(standalone.stdout()) ?? [];
    expect(types).toMatch(/^18 in catalog\.v1 \(6\), .*, tenancy\.v1 \(2\)$/);
    expect(stdout).toContain(`Types        ${types}\n`);
  });

  it("serves before it says so", async () => {
    const url = await start([...FREE_PORT, "--domain", "@trellis/demo"]).url();
    const response = await fetch(`${url}/api/demo/v2/album`);
    expect({ status: response.status, body: await response.json() }).toMatchObject({ status: 200 });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it("names an address that a wildcard listener is reached at", async () => {
    const standalone = start(["--listen", "0.0.0.0:0"]);
    expect((await fetch(`${await standalone.url()}/healthz`)).status).toBe(200);
    await standalone.seen(
      /types +4 in coordination\.v1 \(1\), internal\.v1 \(1\), tenancy\.v1 \(2\); name a domain with --domain for more\n/,
    );
    await standalone.seen(/controllers +the system's own\n/);
    await standalone.seen(/try next +npx trellis types/);
  });

  it("leaves its domains' controllers to managers when it is told so, and serves their types", async () => {
    const standalone = start([...FREE_PORT, "--domain", "@trellis/catalog", "--controllers-elsewhere"]);
    const url = await standalone.url();
    await standalone.seen(/controllers +the system's own\n/);
    const { controllers } = (await (await fetch(`${url}/controllers`)).json()) as {
      controllers: readonly { name: string }[];
    };
    const names = controllers.map(({ name }) => name);
    expect(names).toContain("reaper");
    expect(names).not.toContain("service-endpoints");
    expect((await fetch(`${url}/api/catalog/v1/service`)).status).toBe(200);
  }, 20_000);

  it("loads a domain by its path and runs its controllers", async () => {
    const standalone = start([...FREE_PORT, "--memory", "--domain", "./examples/hello-controller"]);
    const url = await standalone.url();
    expect(standalone.stdout()).toMatch(/controllers +.*hello/);
    const greeting = `${url}/api/hello/v1/greeting/ada`;
    const body = JSON.stringify({ data: { to: "Ada", language: "fr" } });
    const put = await fetch(greeting, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body,
    });
    expect({ ok: put.ok, answer: await put.text() }).toMatchObject({ ok: true });
    await expect(saysWithin(greeting, "Bonjour, Ada!")).resolves.toBe(true);
  });

  it("takes its configuration from the environment as well", async () => {
    const standalone = start([], { TRELLIS_LISTEN: "127.0.0.1:0", TRELLIS_DOMAIN: "@trellis/demo" });
    await standalone.url();
    expect(standalone.stdout()).toContain("demo.v2");
  });
});

describe("what cannot be started is told in one line", () => {
  it.each([
    [["--listen", "nonsense"], /--listen: expected HOST:PORT with a port .*; found "nonsense"/],
    [["--max-body-bytes", "0"], /--max-body-bytes: expected bytes from 1 to \d+, .*; found "0"/],
    [["--log-level", "loud"], /--log-level: expected one of silent, .*; found "loud"/],
    [["--memory=perhaps"], /--memory: expected true or false; found "perhaps"/],
    [
      ["--memory", "--backend", "raft:/srv"],
      /--memory: expected one place for resources, found --memory and --backend/,
    ],
    [
      ["--data-dir", "/srv/x", "--memory"],
      /--data-dir: expected one place for resources, found --data-dir and --memory/,
    ],
    [
      ["--data-dir", "/dev/null"],
      /--data-dir: \/dev\/null is no directory; name one, or what is not there yet/,
    ],
    [["--backend", "raft:"], /--backend: raft: takes the path of a directory/],
    [["--backend", "floppy:/a"], /--backend: no backend has the scheme floppy:; expected memory: or raft:/],
    [["--listen"], /--listen: expected a value after it, found nothing/],
    [["--listne", "x"], /--listne: there is no such option; did you mean --listen\?/],
    [["--domain", "./nowhere"], /domain \.\/nowhere does not exist: .*; give a path or a package name/],
    [["--domain", "@acme/nowhere"], /domain @acme\/nowhere is not a package .*: install it, or give a path/],
    [["--domain", "./jest.config.js"], /domain \.\/jest\.config\.js .*export default defineDomain/],
    [["--domain", "./examples/catalog"], /domain \.\/examples\/catalog has no module: expected index\.ts/],
    [
      ["--domain", "./examples/hello-controller", "--domain", "./examples/hello-controller/index.ts"],
      /domains \.\/examples\/hello-controller and .* are the same module: name it once/,
    ],
    [["--domain", "./tsconfig.json"], /domain \.\/tsconfig\.json failed to load: .*name the module itself/],
  ])("%j", async (args, message) => {
    const standalone = start([...FREE_PORT, ...args]);
    expect(await standalone.ended).toBe(1);
    const [line, ...others] = standalone.stderr().trimEnd().split("\n");
    expect(line).toMatch(new RegExp(`^trellis-standalone: ${message.source}`));
    expect(others).toEqual([]);
    expect(standalone.stdout()).toBe("");
  });

  it("all mistakes at once", async () => {
    const standalone = start(["--listen", "x", "--log-format", "y"]);
    expect(await standalone.ended).toBe(1);
    expect(standalone.stderr().trimEnd().split("\n")).toHaveLength(2);
  });

  it("a mistake of the environment, by its name there", async () => {
    const standalone = start(FREE_PORT, { TRELLIS_MAX_REQUESTS: "many" });
    expect(await standalone.ended).toBe(1);
    expect(standalone.stderr()).toMatch(
      /^trellis-standalone: TRELLIS_MAX_REQUESTS: expected a whole number .*; found "many"\n$/,
    );
  });

  it("a port that another process has", async () => {
    const url = await start(FREE_PORT).url();
    const second = start(["--listen", new URL(url).host]);
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toMatch(
      /^trellis-standalone: cannot listen on 127\.0\.0\.1:\d+: another process has it; choose another with --listen\n$/,
    );
    // The first is none the worse for it.
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });
});

/** Whether a resource's status comes to hold a text: it changes when its controller gets to it. */
async function saysWithin(url: string, text: string, timeoutMs = 10_000): Promise<boolean> {
  for (const endsMs = Date.now() + timeoutMs; Date.now() < endsMs;) {
    if ((await (await fetch(url)).text()).includes(text)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
