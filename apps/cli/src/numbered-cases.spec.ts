import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { DEFAULT_SERVER, serverFrom } from "./environment.ts";
import { readText } from "./test-support/manifests.ts";
import { artist, serversOfTest } from "./test-support/server.ts";
import { TEST_SERVER } from "./test-support/terminal.ts";

/*
 * The numbered cases of the reference's command line. There, each command exists once for each of two protocols; here it exists once, and a test
 * carries the numbers of both. Words and exit codes are Trellis's own: what is wrong with the arguments ends with 2.
 */
const setup = serversOfTest();
const korn = artist("korn");
const kornJson = JSON.stringify({ type: "demo.v2.Artist", name: "korn", data: { name: "korn" } });
const woodstock = "type: demo.v2.Festival\nname: woodstock\n";
const service =
  "type: catalog.v1.Service\nname: api\ndata:\n  workloads: {prefixes: [api-]}\n  ports: [{virtualPort: 80, targetPort: http}, {targetPort: admin}]\n";

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "trellis-cases-"));
  await writeFile(join(cwd, "demo.yaml"), korn);
  await writeFile(join(cwd, "nested.yaml"), `${woodstock}---\n${service}`);
  await writeFile(join(cwd, "bad.yaml"), "type: [");
});
afterAll(() => rm(cwd, { recursive: true }));
const terminal = () => setup({}, { cwd }).trellis;

describe("trellis apply, as numbered", () => {
  it("C276 C285 creates what a file describes", async () => {
    expect(await terminal()("apply -f demo.yaml")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^demo\.v2\.Artist\/korn {2}created\n/) as unknown,
    });
  });

  it("C277 C286 creates nested data with lists of objects", async () => {
    const trellis = terminal();
    const { stdout, exitCode } = await trellis("apply -f nested.yaml");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^festival\/woodstock +created\nservice\/api +created\n/);
    expect(JSON.parse((await trellis("get service/api -o json")).stdout)).toMatchObject({
      data: { ports: [{ virtualPort: 80, targetPort: "http" }, { targetPort: "admin" }] },
    });
  });

  it("C278 takes no path without -f, and says how to write it", async () => {
    const trellis = terminal();
    expect(await trellis("apply demo.yaml")).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: 'error: "demo.yaml" stands without -f\nWrite trellis apply -f demo.yaml.\n',
    });
    expect((await trellis("get demo.v2.artist -o name")).stdout).toBe("");
  });

  it("C279 C287 reads YAML from the standard input, and get prints what was given", async () => {
    const trellis = terminal();
    expect((await trellis("apply -f -", { stdin: korn })).stdout).toMatch(/ created\n/);
    const { stdout } = await trellis("get demo.v2.artist korn -o yaml");
    for (const line of korn.split("\n").filter((one) => !one.startsWith("data")))
      expect(stdout).toContain(line);
    expect((await trellis("apply -f -", { stdin: stdout })).stdout).toMatch(/ unchanged\n/);
  });

  it("C280 C288 reads JSON from the standard input", async () => {
    expect((await terminal()("apply -f -", { stdin: kornJson })).stdout).toMatch(/ created\n/);
  });

  it("C281 C289 C301 C302 C303 C304 C345 C356 refuses an -f without a value", async () => {
    const trellis = terminal();
    for (const command of ["apply", "delete"])
      expect(await trellis(`${command} -f`)).toEqual({
        exitCode: 2,
        stdout: "",
        stderr: `error: option '-f, --filename <path...>' argument missing\nSee "trellis ${command} --help".\n`,
      });
    expect((await trellis("get -f")).exitCode).toBe(2);
  });

  it("C282 C290 refuses to apply nothing", async () => {
    const { stderr, exitCode } = await terminal()("apply");
    expect(stderr).toMatch(/^error: no manifests are named\n/);
    expect(exitCode).toBe(2);
  });

  it("C283 C291 fails with a file that cannot be read as manifests, and says where", async () => {
    const { stdout, exitCode } = await terminal()("apply -f bad.yaml");
    expect(stdout).toMatch(/^bad\.yaml {2}failed +bad\.yaml:\d+:\d+ {2}this is not YAML: /);
    expect(exitCode).toBe(1);
  });

  it("C284 C292 C305 C306 C307 C308 fails with a file that is not there", async () => {
    const trellis = terminal();
    for (const command of ["apply", "delete"])
      expect(await trellis(`${command} -f nowhere.yaml`)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^error: nowhere\.yaml is not there\n/) as unknown,
      });
  });
});

describe("trellis get and delete, as numbered", () => {
  it("C293 C294 C295 C296 C343 C354 refuse to do without arguments", async () => {
    const trellis = terminal();
    expect((await trellis("get")).stderr).toMatch(/^error: missing required argument 'kind'\n/);
    expect((await trellis("delete")).stderr).toMatch(/^error: nothing to delete is named\n/);
    for (const command of ["get", "delete"]) expect((await trellis(command)).exitCode).toBe(2);
  });

  it("C297 C298 C299 C300 C344 C355 refuse empty arguments", async () => {
    const trellis = terminal();
    for (const command of ["get", "delete"])
      expect(await trellis([command, "", ""])).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(/^error: the server knows no type ""\n/) as unknown,
      });
  });

  it("C309 C310 C311 C312 list with a type alone, and delete nothing", async () => {
    const trellis = terminal();
    await trellis("apply -f demo.yaml");
    expect((await trellis("get demo.v2.artist -o name")).stdout).toBe("demo.v2.Artist/korn\n");
    expect(await trellis("delete demo.v2.artist")).toEqual({
      exitCode: 2,
      stdout: "",
      stderr:
        'error: "demo.v2.artist" names a type and no resource of it\nGive a name: demo.v2.artist/NAME.\n',
    });
  });

  it("C313 C314 C315 C316 C317 C318 C319 C320 refuse a file beside a type and a name, with other options too", async () => {
    const trellis = terminal();
    for (const more of ["", " -n default"]) {
      expect(await trellis(`delete demo.v2.artist korn -f demo.yaml${more}`)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(/^error: "demo\.v2\.artist" is named beside -f\n/) as unknown,
      });
      expect((await trellis(`get demo.v2.artist korn -f demo.yaml${more}`)).stderr).toMatch(
        /^error: unknown option '-f'\n/,
      );
    }
  });

  it("C321 C322 C323 C324 take options before the name and after it", async () => {
    const trellis = terminal();
    await trellis("apply -f demo.yaml");
    expect((await trellis("get demo.v2.artist -n default korn -o name")).stdout).toBe(
      "demo.v2.Artist/korn\n",
    );
    expect((await trellis("get -n default demo.v2.artist korn -o name")).stdout).toBe(
      "demo.v2.Artist/korn\n",
    );
    expect((await trellis("delete demo.v2.artist -n default")).exitCode).toBe(2);
    expect((await trellis("delete demo.v2.artist -n default korn")).stdout).toMatch(/ deleted\n/);
  });

  it("C325 C326 C327 C328 C349 C360 refuse a type that the server does not know", async () => {
    const trellis = terminal();
    for (const command of ["get a.", "delete a. korn", "get test", "get unknownshort korn"])
      expect(await trellis(command)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(
          /^error: the server knows no type ".+"\n.*See "trellis types"\.\n$/,
        ) as unknown,
      });
  });

  it("C331 C332 reads by type and name", async () => {
    const trellis = terminal();
    await trellis("apply -f demo.yaml");
    expect(await trellis("get demo.v2.Artist korn -o json")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('"name": "korn"') as unknown,
    });
  });

  it("C333 C334 fails to read what is not there", async () => {
    expect(await terminal()("get demo.v2.Artist fake-korn")).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^error: demo\.v2\.Artist\/fake-korn is not there in namespace default\n/,
      ) as unknown,
    });
  });

  it("C335 C336 deletes what a file names", async () => {
    const trellis = terminal();
    await trellis("apply -f demo.yaml");
    const { stdout, exitCode } = await trellis("delete -f demo.yaml");
    expect([exitCode, stdout]).toEqual([0, "demo.v2.Artist/korn  deleted\n\n1 resource: 1 deleted\n"]);
  });

  it("C337 C338 C339 C340 deletes by type and name, and is content when it is gone already", async () => {
    const trellis = terminal();
    await trellis("apply -f demo.yaml");
    const remove = async () => {
      const { exitCode, stdout } = await trellis("delete demo.v2.Artist korn");
      return [exitCode, stdout.split(/ +/)[1]?.trim()];
    };
    expect(await remove()).toEqual([0, "deleted"]);
    expect(await remove()).toEqual([0, "absent"]);
  });

  it("C341 C351 lists by type, in any case", async () => {
    const trellis = terminal();
    await trellis("apply -f demo.yaml");
    for (const type of ["demo.v2.Artist", "demo.v2.artist", "DEMO.V2.ARTIST"])
      expect(await trellis(`get ${type} -o json`)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('"name": "korn"') as unknown,
      });
  });

  it("C348 C350 C359 C361 refuse a file or anything else beside a type to list", async () => {
    const trellis = terminal();
    expect((await trellis("get demo.v2.artist -f demo.yaml")).stderr).toMatch(
      /^error: unknown option '-f'\n/,
    );
    expect(await trellis("get demo.v2.artist korn extra")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^error: too many arguments for 'get'/) as unknown,
    });
  });
});

describe("what commands are given, as numbered", () => {
  it("C362 reads a resource from JSON", () => {
    const { resources, problems } = readText('{"type": "test.v1.Every", "name": "a", "data": {"text": "x"}}');
    expect(problems).toEqual([]);
    expect(resources[0]?.id?.name).toBe("a");
  });

  it("C363 reads no resource from JSON that is none", () => {
    const { resources, problems } = readText('{"type": "test.v1.Every", "name": "a", "data": {"text": 1}}');
    expect(resources).toEqual([]);
    expect(problems).toHaveLength(1);
  });

  it("C374 C378 goes to the default server where nothing names another", () => {
    expect(serverFrom({})).toBe(DEFAULT_SERVER);
    expect(serverFrom({ TRELLIS_SERVER: "" })).toBe(DEFAULT_SERVER);
  });

  it("C375 goes where the variable says", async () => {
    expect(serverFrom({ TRELLIS_SERVER: "host:1" })).toBe("host:1");
    expect((await terminal()("status")).stdout).toContain(`${TEST_SERVER}\n`);
  });

  it("C377 goes where the flag says rather than the variable, by TLS with https", async () => {
    expect((await terminal()("status --server https://other:1")).stdout).toMatch(
      /^Server +https:\/\/other:1\n/,
    );
    expect((await terminal()("status --server other:1")).stdout).toMatch(/^Server +http:\/\/other:1\n/);
  });
});
