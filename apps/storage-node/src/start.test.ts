import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runProgram } from "@trellis/testkit";

const BIN = join(import.meta.dirname, "../bin/trellis-storage-node.js");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trellis-storage-node-"));
  await writeFile(join(folder, "file"), "");
});
afterAll(() => rm(folder, { recursive: true }));

describe("a storage node that cannot start says why in one line", () => {
  it.each([
    [
      "with neither a cluster nor a way to one",
      () => ["--listen", "127.0.0.1:7999"],
      "belongs to no cluster yet: name the nodes that form one",
    ],
    [
      "with a list that lacks it",
      () => ["--listen", "127.0.0.1:7999", "--initial-cluster", "a=127.0.0.1:7001,b=127.0.0.1:7002"],
      "expected this node's address 127.0.0.1:7999 in the list, found a=127.0.0.1:7001,b=127.0.0.1:7002",
    ],
    [
      "with a list that is none",
      () => ["--listen", "127.0.0.1:7999", "--initial-cluster", "127.0.0.1:7999"],
      "expected NAME=HOST:PORT of each node",
    ],
    [
      "with two ways to a cluster",
      () => [
        "--listen",
        "127.0.0.1:7999",
        "--initial-cluster",
        "a=127.0.0.1:7999",
        "--join",
        "127.0.0.1:7001",
      ],
      "found --initial-cluster too",
    ],
    [
      "with another name than the list has",
      () => ["--listen", "127.0.0.1:7999", "--initial-cluster", "a=127.0.0.1:7999", "--name", "b"],
      "expected the name that --initial-cluster gives to 127.0.0.1:7999, a; found b",
    ],
    [
      "with itself to join",
      () => ["--listen", "127.0.0.1:7999", "--join", "127.0.0.1:7999"],
      "expected the address of another node, found this node's own",
    ],
    [
      "with an address at which nobody reaches it",
      () => ["--listen", ":7999", "--join", "127.0.0.1:7001"],
      "say it with --advertise HOST:PORT",
    ],
    [
      "with a file for a directory",
      () => ["--listen", "127.0.0.1:7999", "--data-dir", join(folder, "file"), "--join", "127.0.0.1:7001"],
      `--data-dir: ${tmpdir()}`,
    ],
  ])("%s", async (_, flags, words) => {
    const all = ["--data-dir", join(folder, "data"), ...flags()];
    const { exitCode, stdout, stderr } = await runProgram("node", [BIN, "--log-level", "error", ...all]);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(words);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
