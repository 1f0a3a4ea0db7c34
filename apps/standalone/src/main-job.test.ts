import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually, runProgram } from "@trellis/testkit";

import { repositoryRoot } from "./test-support/checkout.ts";
import { type Standalone, startStandalone } from "./test-support/standalone.ts";

/** The command line as npm links it. */
const TRELLIS = join(repositoryRoot, "node_modules/.bin/trellis");
/** What a change may take until the endpoints show it, with the start of a command line, on a busy machine. */
const FOLLOW_MS = 20_000;
const TEST_MS = 120_000;

let root: string;
let running: Standalone[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "trellis-main-job-"));
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.end()));
  running = [];
  await rm(root, { recursive: true });
});

function start(place: readonly string[]): Standalone {
  const domains = ["--domain", "@trellis/catalog", "--domain", "@trellis/demo"];
  const standalone = startStandalone(["--listen", "127.0.0.1:0", ...domains, ...place]);
  running.push(standalone);
  return standalone;
}

/** The commands of a user, against one server. */
function userOf(url: string) {
  const trellis = async (command: string, input = ""): Promise<string> => {
    const answer = await runProgram(TRELLIS, command.split(" "), { input, env: { TRELLIS_SERVER: url } });
    expect(answer).toMatchObject({ exitCode: 0, stderr: "" });
    return answer.stdout;
  };
  const applied = async (): Promise<string | undefined> =>
    (await trellis("apply -f examples/catalog")).trimEnd().split("\n").at(-1);
  const endpoints = async () => {
    const { data } = JSON.parse(await trellis("get serviceendpoints api -o json")) as {
      data: { endpoints: readonly { targetRef: { name: string }; healthStatus: string }[] };
    };
    return new Map(data.endpoints.map(({ targetRef, healthStatus }) => [targetRef.name, healthStatus]));
  };
  return { trellis, applied, endpoints };
}

describe.each([
  { place: "in memory", flags: () => ["--memory"], isKept: false },
  { place: "on disk", flags: () => ["--data-dir", join(root, "data")], isKept: true },
])("the catalog, $place", ({ flags, isKept }) => {
  it(
    "is applied, has its endpoints, which follow health and go with their service",
    async () => {
      const first = start(flags());
      let { trellis, applied, endpoints } = userOf(await first.url());
      expect(await applied()).toBe("52 resources: 52 created");
      await trellis("wait service/api --for=condition=EndpointsManaged");
      const found = await endpoints();
      expect([...found.keys()].sort()).toEqual(["api-1", "api-2", "api-3", "api-4", "api-5"]);
      expect(await applied()).toBe("52 resources: 52 unchanged");
      const printed = await trellis("get serviceendpoints api -o yaml");
      expect(await trellis("apply -f -", printed)).toContain("1 resource: 1 unchanged");

      if (isKept) {
        first.signal("SIGKILL");
        await first.ended;
        ({ trellis, applied, endpoints } = userOf(await start(flags()).url()));
        expect(await endpoints()).toEqual(found);
        expect(await applied()).toBe("52 resources: 52 unchanged");
      }

      const check = await trellis("get healthstatus api-1-http -o yaml");
      expect(check).toContain("HEALTH_PASSING");
      await trellis("apply -f -", check.replace("HEALTH_PASSING", "HEALTH_CRITICAL"));
      await eventually(
        async () => expect((await endpoints()).get("api-1")).toBe("HEALTH_CRITICAL"),
        FOLLOW_MS,
      );
      await trellis("delete service/api");
      await eventually(
        async () =>
          expect(await trellis("get serviceendpoints -o name")).not.toContain("serviceendpoints/api\n"),
        FOLLOW_MS,
      );
    },
    TEST_MS,
  );
});
