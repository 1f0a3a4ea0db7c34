import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startGateway } from "@trellis/testkit";

import { packAll } from "./build.ts";
import { type Consumer, createConsumer } from "./consumer.ts";

/** Packing compiles every lib, and installing may ask the registry. */
const SETUP_TIMEOUT_MS = 120_000;
const BIN = "node_modules/@trellis/cli/bin/trellis.js";
/** Lets a program believe that it runs under an older Node. */
const OLD_NODE = `data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process.versions, "node", { value: "20.0.0" }); Object.defineProperty(process, "version", { value: "v20.0.0" });',
)}`;

/** A domain with a controller, in the JavaScript that an author writes. */
const ALBUMS = `
import { resourceType } from "@trellis/client";
import { defineController, defineDomain, on } from "@trellis/controller";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";

export const Album = resourceType(AlbumSchema);
const rules = on(Album, {
  validate: ({ next }) =>
    next.data.title === "Silence" ? [{ field: "data.title", description: "nobody can hear it" }] : [],
});
const counter = defineController({
  name: "counter",
  type: Album,
  async reconcile({ resource: album, client }) {
    await client.writeStatus(Album, album, {
      key: "example.dev/counter",
      observedGeneration: album.generation,
      conditions: [{ type: "Counted", state: Condition_State.TRUE, message: \`\${album.data.tracks.length} tracks\` }],
    });
  },
});
export default defineDomain({ types: [Album], hooks: [rules], controllers: [counter] });
`;

const ALBUMS_TEST = `
import assert from "node:assert/strict";
import { createTestServer, createVirtualClock } from "@trellis/testing";
import albums, { Album } from "./albums.js";

const server = createTestServer({ domains: [albums], clock: createVirtualClock() });
await server.client.write(Album, { name: "kind-of-blue", data: { title: "Kind of Blue", tracks: ["So What"] } });
await server.settled();
const { status } = await server.client.read(Album, { name: "kind-of-blue" });
assert.equal(status["example.dev/counter"].conditions[0].message, "1 tracks");
await assert.rejects(server.client.write(Album, { name: "x", data: { title: "Silence" } }), /nobody can hear it/);
await server.close();
console.log("albums are counted");
`;

const GREETING_TEST = `
import { createTestServer } from "@trellis/testing";
import hello, { Greeting } from "./hello/index.ts";

const server = createTestServer({ domains: [hello] });
await server.client.write(Greeting, { name: "ada", data: { to: "Ada", language: "fr" } });
await server.settled();
const { status } = await server.client.read(Greeting, { name: "ada" });
const message: string | undefined = status["example.dev/hello"]?.conditions[0]?.message;
console.log(message);
await server.close();
`;

/** Strict, and the declarations of the packages are checked as well. */
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "esnext.disposable", "dom"],
    module: "nodenext",
    types: [],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: false,
  },
  include: ["*.ts", "hello/**/*.ts"],
});

describe("the published packages, installed in an empty folder", () => {
  let work: string;
  let tarballs: readonly string[];
  let consumer: Consumer;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "trellis-pack-"));
    tarballs = await packAll(join(work, "build"), join(work, "out"));
    consumer = await createConsumer(tarballs);
  }, SETUP_TIMEOUT_MS);
  afterAll(async () => {
    await consumer?.remove();
    await rm(work, { recursive: true, force: true });
  });

  it("are the SDK and what it stands on, and the command line", () => {
    const names = tarballs.map((tarball) => basename(tarball).replace(/-\d.*$/, ""));
    expect(names).toEqual(
      expect.arrayContaining(["trellis-client", "trellis-controller", "trellis-testing", "trellis-cli"]),
    );
  });

  it("let a JavaScript author define a domain and test it", async () => {
    await consumer.write("albums.js", ALBUMS);
    await consumer.write("albums-test.js", ALBUMS_TEST);
    expect(await consumer.run("node", "albums-test.js")).toMatchObject({
      exitCode: 0,
      output: "albums are counted\n",
    });
  });

  it("let a TypeScript author do the same, strictly typed", async () => {
    await consumer.copy("examples/hello-controller/index.ts", "hello/index.ts");
    await consumer.copy("examples/hello-controller/gen", "hello/gen");
    await consumer.write("greeting-test.ts", GREETING_TEST);
    await consumer.write("tsconfig.json", TSCONFIG);
    expect(await consumer.run("tsc", "-p", ".")).toMatchObject({ exitCode: 0, output: "" });
    expect(await consumer.run("node", "greeting-test.ts")).toMatchObject({
      exitCode: 0,
      output: "Bonjour, Ada!\n",
    });
  });

  it("are typed: a wrong field does not compile", async () => {
    await consumer.copy("examples/hello-controller/index.ts", "hello/index.ts");
    await consumer.copy("examples/hello-controller/gen", "hello/gen");
    await consumer.write("tsconfig.json", TSCONFIG);
    await consumer.write("greeting-test.ts", GREETING_TEST.replace('to: "Ada"', "too: 1"));
    const { exitCode, output } = await consumer.run("tsc", "-p", ".");
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/greeting-test\.ts.*'too' does not exist/);
  });

  it("bring the command line, which works against a server", async () => {
    const version = await consumer.run("node_modules/.bin/trellis", "--version");
    expect(version).toMatchObject({ exitCode: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const server = await startGateway({ domains: ["@trellis/demo"] });
    try {
      const types = await consumer.run("node_modules/.bin/trellis", "types", "--server", server.url);
      expect(types).toMatchObject({ exitCode: 0 });
      expect(types.output).toMatch(/demo\.v2\.Album/);
    } finally {
      await server.stop();
    }
  });

  it("say what is needed under an older Node", async () => {
    const env = { TRELLIS_NODE_SEARCHED: "1" };
    const { exitCode, output } = await consumer.run(
      "env",
      ...Object.entries(env).map(([key, value]) => `${key}=${value}`),
      "node",
      "--import",
      OLD_NODE,
      BIN,
      "--version",
    );
    expect(exitCode).toBe(1);
    expect(output).toMatch(/^trellis needs Node 24 or newer, and this is v20\.0\.0/);
  });
});
