import { describe, expect, it } from "@jest/globals";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeDifference } from "./describe-difference.ts";
import { runScript } from "./run-script.ts";
import { scriptKinds, type ScriptKind } from "./script-kinds.ts";

const own = join(import.meta.dirname, "testdata");
/** Recordings of a peer, where they stand beside the checkout. */
const peer = resolve(import.meta.dirname, "../../../../../shared/peer/etcd-raft");

function scriptsIn(root: string): { kind: ScriptKind; name: string; file: string }[] {
  return (Object.keys(scriptKinds) as ScriptKind[]).flatMap((kind) => {
    const folder = join(root, kind);
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
    return names.map((name) => ({ kind, name, file: join(folder, name) }));
  });
}

function differencesOf({ kind, file }: { kind: ScriptKind; file: string }): string {
  const { directives, differences } = runScript(readFileSync(file, "utf8"), scriptKinds[kind]());
  expect(directives).toBeGreaterThan(0);
  return differences.map((difference) => describeDifference(file, difference)).join("\n\n");
}

describe("own scripts", () => {
  it.each(scriptsIn(own))("replays $kind/$name", (script) => {
    expect(differencesOf(script)).toBe("");
  });
});

describe("a peer's recordings, where they are there", () => {
  it("replays all of them to the letter", () => {
    for (const script of scriptsIn(peer)) expect(differencesOf(script)).toBe("");
  });
});

describe("the comparison", () => {
  const script =
    "# comment\nadd-nodes 1 voters=(1) index=3\n----\nINFO 1 became follower\n\npropose 1 x\n----\nok\n";

  it("names what differs, and where", () => {
    const { differences } = runScript(script, scriptKinds.interaction());
    expect(differences).toHaveLength(1);
    const [difference] = differences;
    if (difference === undefined) throw new Error("expected a difference");
    expect(describeDifference("a.txt", difference)).toBe("a.txt:6: propose 1 x\n  + raft proposal dropped");
  });

  it("reports a handler that fails, and goes on", () => {
    const { differences, directives } = runScript(script, () => {
      throw new Error("broken");
    });
    expect(directives).toBe(2);
    expect(differences[0]?.actual[0]).toMatch(/^failed: Error: broken/);
  });

  it("reads continued lines, values with blanks, and outputs with empty lines", () => {
    const { differences } = runScript(
      "say a=(1, 2) \\\n b\nmore\n----\n----\none\n\ntwo\n----\n----\n\nsay\n----\n",
      ({ args, input }) =>
        args.length === 0 ? "ok" : input === "more" && args[0]?.values[1] === "2" ? "one\n\ntwo" : "no",
    );
    expect(differences).toEqual([]);
  });
});
