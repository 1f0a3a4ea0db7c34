import { describe, expect, it } from "@jest/globals";

import { serverOptions } from "../server-options.ts";
import { ConfigError } from "./config-error.ts";
import { loadConfig } from "./load-config.ts";
import { onOff, option, optional, repeated } from "./option.ts";
import { bytes, choice, integer, text } from "./value-type.ts";

const program = {
  name: "trellis-test",
  version: "1.2.3",
  summary: "serves tests",
  examples: [{ command: "trellis-test --memory", does: "Keeps nothing" }],
};
const options = {
  maxBodyBytes: option(bytes({ min: 1, max: 1024 ** 3 }), { help: "The largest request", default: "1MiB" }),
  workers: option(integer({ min: 1, max: 8 }), { help: "How many", default: 2 }),
  mode: optional(choice("MODE", ["fast", "safe"]), { help: "How" }),
  domain: repeated(text("MODULE"), { help: "What to serve", group: "Resources" }),
  memory: onOff({ help: "Keep nothing" }),
};

interface Given {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function load({ args = [], environment = {}, files = {} }: Given) {
  return loadConfig(program, options, {
    args,
    environment,
    readFile(path) {
      const content = files[path];
      if (content === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return content;
    },
  });
}

function values(given: Given) {
  const loaded = load(given);
  if (loaded.kind !== "run") throw new Error(`expected values, found ${loaded.kind}`);
  return loaded.values;
}

function faults(given: Given): readonly string[] {
  try {
    load(given);
  } catch (error) {
    if (ConfigError.is(error)) return error.faults;
    throw error;
  }
  throw new Error("expected a ConfigError");
}

describe("where a value comes from", () => {
  const files = { "c.yaml": "workers: 4\nmax-body-bytes: 2MiB\ndomain: [x, y]\n" };
  const environment = { TRELLIS_WORKERS: "5", TRELLIS_DOMAIN: "p, q" };

  it("is the default when nobody says anything", () => {
    expect(values({})).toEqual({
      maxBodyBytes: 1024 ** 2,
      workers: 2,
      mode: undefined,
      domain: [],
      memory: false,
    });
  });

  it("is the file before the default", () => {
    expect(values({ args: ["--config", "c.yaml"], files })).toMatchObject({
      workers: 4,
      maxBodyBytes: 2 * 1024 ** 2,
      domain: ["x", "y"],
    });
  });

  it("is the environment before the file, lists as a whole", () => {
    expect(values({ args: ["--config=c.yaml"], environment, files })).toMatchObject({
      workers: 5,
      maxBodyBytes: 2 * 1024 ** 2,
      domain: ["p", "q"],
    });
  });

  it("is the flag before the environment, lists as a whole", () => {
    const args = ["--config", "c.yaml", "--workers=6", "--domain", "a", "--domain", "b", "--memory"];
    expect(values({ args, environment, files })).toMatchObject({
      workers: 6,
      domain: ["a", "b"],
      memory: true,
    });
  });

  it("is the last of the flags that say it twice", () => {
    expect(values({ args: ["--workers", "3", "--workers", "4", "--memory", "--no-memory"] })).toMatchObject({
      workers: 4,
      memory: false,
    });
  });

  it("may be a file that the environment names, or that is JSON, or empty", () => {
    const named = { TRELLIS_CONFIG: "c.json" };
    expect(
      values({ environment: named, files: { "c.json": '{"workers": 7, "memory": true}' } }),
    ).toMatchObject({
      workers: 7,
      memory: true,
    });
    expect(values({ environment: named, files: { "c.json": "" } }).workers).toBe(2);
  });

  it("is not an empty variable, nor one of another program", () => {
    expect(values({ environment: { TRELLIS_WORKERS: "", TRELLIS_OTHER: "x" } }).workers).toBe(2);
  });
});

describe("an error", () => {
  it.each([
    [{ args: ["--workers", "many"] }, '--workers: expected a whole number from 1 to 8; found "many"'],
    [
      { environment: { TRELLIS_WORKERS: "9" } },
      'TRELLIS_WORKERS: expected a whole number from 1 to 8; found "9"',
    ],
    [{ args: ["--mode", "slow"] }, '--mode: expected one of fast, safe; found "slow"'],
    [{ args: ["--workers"] }, "--workers: expected a value after it, found nothing"],
    [{ args: ["--workers", "--memory"] }, '--workers: expected a value after it, found "--memory"'],
    [{ args: ["--memory=maybe"] }, '--memory: expected true or false; found "maybe"'],
  ])("of %j names the key, what was expected, what was found", (given: Given, fault) => {
    expect(faults(given)).toEqual([fault]);
  });

  it("in a file names the key and the file", () => {
    const files = { "c.yaml": "workers: [1, 2]\nmax-body-bytes: lots\n" };
    expect(faults({ args: ["--config", "c.yaml"], files })).toEqual([
      expect.stringMatching(/^max-body-bytes in c\.yaml: expected bytes from 1 to \d+, .*; found "lots"$/),
      "workers in c.yaml: expected one value (N); found [1,2]",
    ]);
  });

  it.each([
    ["--worker", "--worker: there is no such option; did you mean --workers?"],
    ["--max-body-byte=1", "--max-body-byte: there is no such option; did you mean --max-body-bytes?"],
    ["--hlep", "--hlep: there is no such option; did you mean --help?"],
    ["--xyzzy-plugh", "--xyzzy-plugh: there is no such option; --help lists them all"],
    ["workers", '"workers": expected an option that begins with --; --help lists them'],
  ])("for the unknown %s suggests the nearest", (arg, fault) => {
    expect(faults({ args: [arg] })).toEqual([fault]);
  });

  it("for an unknown key of a file suggests the nearest", () => {
    expect(faults({ args: ["--config", "c.yaml"], files: { "c.yaml": "wrokers: 1" } })).toEqual([
      "wrokers in c.yaml: there is no such key; did you mean workers?",
    ]);
  });

  it("tells everything that is wrong at once", () => {
    expect(faults({ args: ["--workers", "x", "--nope"], environment: { TRELLIS_MODE: "y" } })).toHaveLength(
      3,
    );
  });

  it.each([
    ["is not there", {}, "--config c.yaml: expected a file, found none"],
    [
      "is no mapping",
      { "c.yaml": "- a" },
      '--config c.yaml: expected a mapping of keys to values, found ["a"]',
    ],
    ["is broken", { "c.yaml": "a: [" }, /^--config c\.yaml: expected YAML or JSON, found: /],
  ])("for a file that %s names it", (_, files, fault) => {
    expect(faults({ args: ["--config", "c.yaml"], files })).toEqual([
      typeof fault === "string" ? fault : expect.stringMatching(fault),
    ]);
  });

  it("is raised for a default that its own option would refuse", () => {
    expect(() => option(integer({ min: 1, max: 8 }), { help: "x", default: 9 })).toThrow(TypeError);
  });
});

describe("--help and --version", () => {
  it("come before everything that is wrong", () => {
    expect(load({ args: ["--nope", "--help"] }).kind).toBe("help");
    const version = load({ args: ["-V"] });
    expect(version).toEqual({ kind: "version", text: "trellis-test 1.2.3" });
  });

  it("shows every option with its default, the variable, the file and the examples", () => {
    const help = load({ args: ["-h"] });
    const shown = help.kind === "help" ? help.text() : "";
    expect(shown).toMatchInlineSnapshot(`
     "trellis-test: serves tests

     Usage  trellis-test [options]

     Options
       --max-body-bytes BYTES  The largest request [1MiB]
       --workers N             How many [2]
       --mode MODE             How
       --memory                Keep nothing

     Resources
       --domain MODULE         What to serve; may be repeated

     General
       --config FILE           Read options from a YAML or JSON file too; its keys
                               are the options without the dashes
       -h, --help              Show this
       -V, --version           Show the version

     Options may also stand in the environment (--max-body-bytes is
     TRELLIS_MAX_BODY_BYTES) or in the file. A flag wins over the environment, and
     the environment over the file.

     Examples
       # Keeps nothing
       trellis-test --memory
     "
    `);
    for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("lists the options of every service, each with one line of help", () => {
    for (const { help } of Object.values(serverOptions({ listen: ":1", logLevel: "info" })))
      expect(help).toMatch(/^[A-Z].*[^.]$/);
  });
});
