import { describe, expect, it } from "@jest/globals";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeDifference } from "./describe-difference.ts";
import { parseScript } from "./parse-script.ts";
import { runScript } from "./run-script.ts";
import { scriptKindOf, scriptKinds, type ScriptKind } from "./script-kinds.ts";

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

  it("joins continued lines with a blank, and does not mind line ends of other systems", () => {
    const [directive] = parseScript("say one\\\r\n  two\r\n----\r\nok\r\n");
    expect(directive?.args.map(({ key }) => key)).toEqual(["one", "two"]);
    expect(directive?.expected).toEqual(["ok"]);
  });

  it("tells an empty list from no list", () => {
    const [directive] = parseScript("say voters=() 1\n----\n");
    expect(directive?.args).toEqual([
      { key: "voters", isNamed: true, values: [] },
      { key: "1", isNamed: false, values: [] },
    ]);
  });

  it.each([
    ["say\n----\n\nmore\ninput\n", 4, "expected a line ---- after more, found the end of the script"],
    ["say\n----\n----\nand\n----\n", 1, "expected the output of say to end with ---- twice"],
  ])("names the line of a directive that does not end: %j", (text, line, message) => {
    expect(() => parseScript(text)).toThrow(expect.objectContaining({ line, message }));
  });
});

describe("what a script cannot ask for", () => {
  it.each<[ScriptKind, string, string]>([
    ["interaction", "campain 1", "unknown command campain: expected one of _breakpoint, add-nodes,"],
    ["interaction", "add-nodes 1 lazy=true", "unknown option lazy of add-nodes: expected one of voters,"],
    ["interaction", "add-nodes", 'expected "add-nodes NUMBER", found 0 arguments without a name'],
    ["interaction", "add-nodes 1 prevote=maybe", 'expected true or false, found "maybe"'],
    ["interaction", "add-nodes 1 voters=(1) index=1", "index must be specified as > 1 due to bootstrap"],
    ["interaction", "campaign 1", "there is no node 1"],
    ["interaction", "campaign one", 'expected a number, found "one"'],
    ["interaction", "stabilize log-level=loud", "log levels must be either of [DEBUG INFO WARN"],
    ["interaction", "deliver-msgs 1 type=MsgApple", "unknown message type MsgApple"],
    ["interaction", "deliver-msgs 1 2 drop=2", "expected messages to 2 to be delivered or dropped, not both"],
    ["interaction", "report-unreachable 1", 'expected "report-unreachable NODE OTHER", found 1 arguments'],
    ["interaction", "set-randomized-election-timeout 1", "there is no node 1"],
    ["interaction", "transfer-leadership from=1", "expected to=... after transfer-leadership"],
    [
      "confchange",
      "enter-joint leave=true",
      "unknown option leave of enter-joint: expected one of autoleave",
    ],
    ["confchange", "simple\nx1", 'expected steps such as "v1 l2 r3 u4"'],
    [
      "confchange",
      "exit-joint",
      "unknown command exit-joint: expected one of simple, enter-joint, leave-joint",
    ],
    ["quorum", "tally cfg=(1)", "unknown command tally: expected one of committed, vote"],
    ["quorum", "vote cfg=(1) idx=(1)", "unknown option idx of vote: expected one of cfg, cfgj, votes"],
  ])("says so: %s, %s", (kind, command, text) => {
    const { differences } = runScript(`${command}\n----\nok\n`, scriptKinds[kind]());
    const [difference] = differences;
    if (difference === undefined) throw new Error("expected a difference");
    expect(describeDifference("a.txt", difference).split("\n")[0]).toMatch(/^a\.txt:1: /);
    expect(difference.actual[0]).toContain(text);
  });

  it("hides everything but errors at log level none", () => {
    const handle = scriptKinds.interaction();
    const script =
      "log-level NONE\n----\n\nadd-nodes 1\n----\n\nraft-state\n----\n\nraft-log 2\n----\nthere is no node 2\n";
    expect(runScript(script, handle).differences).toEqual([]);
  });
});

describe("the kind of a script in any folder", () => {
  it.each<[string, ScriptKind]>([
    ["vote cfg=(1)", "quorum"],
    ["committed", "quorum"],
    ["simple", "confchange"],
    ["add-nodes 1", "interaction"],
  ])("is told by its first command: %s", (command, kind) => {
    expect(scriptKindOf(parseScript(`${command}\n----\n`))).toBe(kind);
  });
});
