import { ascending, type LogIndex, type NodeId } from "../numbers.ts";
import { jointCommittedIndex, jointVoteResult, votersOf, type JointQuorum } from "../quorum/joint.ts";
import {
  describeAcknowledged,
  majorityCommittedIndex,
  majorityVoteResult,
  type Majority,
} from "../quorum/majority.ts";
import type { VoteResult } from "../quorum/vote-result.ts";
import { checkArguments, numberFrom, unknownCommand, valuesOf } from "./arguments.ts";
import type { Directive } from "./parse-script.ts";
import type { DirectiveHandler } from "./run-script.ts";
import { recordedText, ScriptError } from "./script-error.ts";

/** Handles the directives of quorum scripts: `committed` and `vote`. */
export function quorumHandler(): DirectiveHandler {
  return (directive) => {
    try {
      return handle(directive);
    } catch (error) {
      const text = recordedText(error);
      if (text === undefined) throw error;
      return text;
    }
  };
}

/** Where the voters' indexes or votes stand. */
const inputs: Readonly<Record<string, "idx" | "votes">> = { committed: "idx", vote: "votes" };

function handle(directive: Directive): string {
  const key = inputs[directive.command];
  if (key === undefined) unknownCommand(directive, Object.keys(inputs));
  const { command } = directive;
  checkArguments(directive, {
    usage: `${command} cfg=(ID,...) [cfgj=(ID,...)] ${key}=(...)`,
    positional: [0, 0],
    options: ["cfg", "cfgj", key],
  });
  const halves = halvesOf(directive);
  const values = valuesOf(directive, key);
  const voters = votersOf(halves.quorum);
  if (voters.size !== values.length) {
    const ids = [...voters].sort(ascending).join(" ");
    return `error: mismatched input (explicit or _) for voters [${ids}]: [${values.join(" ")}]`;
  }
  const known = assign(voters, values);
  if (key === "idx")
    return committed(halves, new Map([...known].map(([id, value]) => [id, indexFrom(value)])));
  return vote(halves, new Map([...known].map(([id, value]) => [id, voteFrom(value)])));
}

function indexFrom(text: string): LogIndex {
  if (text === "0") throw new ScriptError("expected _ for a voter of whom nothing is known, found 0");
  return numberFrom(text);
}

function voteFrom(text: string): boolean {
  if (text !== "y" && text !== "n") throw new ScriptError(`expected votes y, n or _, found "${text}"`);
  return text === "y";
}

interface Halves {
  readonly quorum: JointQuorum;
  /** True when the directive names a second half, even an empty one. */
  readonly isJoint: boolean;
}

function halvesOf(directive: Directive): Halves {
  const second = directive.args.find(({ key }) => key === "cfgj");
  const incoming = new Set(valuesOf(directive, "cfg").map(numberFrom));
  const isZero = second?.values.includes("zero") === true;
  if (isZero && second.values.length > 1) throw new ScriptError("expected zero alone in cfgj, or voters");
  const outgoing = new Set(isZero ? [] : (second?.values.map(numberFrom) ?? []));
  return { quorum: { incoming, outgoing }, isJoint: second !== undefined };
}

/** Gives the values to the voters in the order in which they are named first; `_` is no value. */
function assign(voters: ReadonlySet<NodeId>, values: readonly string[]): Map<NodeId, string> {
  const known = new Map<NodeId, string>();
  for (const [at, id] of [...voters].entries()) {
    const value = values[at];
    if (value !== undefined && value !== "_") known.set(id, value);
  }
  return known;
}

function committed({ quorum, isJoint }: Halves, indexes: ReadonlyMap<NodeId, LogIndex>): string {
  const acknowledged = (id: NodeId): LogIndex | undefined => indexes.get(id);
  const result = jointCommittedIndex(quorum, acknowledged);
  const others = isJoint
    ? [["via symmetry", jointCommittedIndex(swapped(quorum), acknowledged)] as const]
    : otherWays(quorum.incoming, indexes);
  const table = describeAcknowledged(votersOf(quorum), acknowledged);
  const disagreeing = others.filter(([, index]) => index !== result);
  return `${table}${disagreeing.map(([way, index]) => `${text(index)} <-- ${way}\n`).join("")}${text(result)}\n`;
}

/** Other computations that must give the same. */
function otherWays(
  voters: Majority,
  indexes: ReadonlyMap<NodeId, LogIndex>,
): (readonly [way: string, index: LogIndex])[] {
  const acknowledged = (id: NodeId): LogIndex | undefined => indexes.get(id);
  const result = majorityCommittedIndex(voters, acknowledged);
  const withIndex =
    (changed: NodeId, index: LogIndex) =>
    (id: NodeId): LogIndex | undefined =>
      id === changed ? index : acknowledged(id);
  // An index below the result plays no part in it: lowering it changes nothing.
  const lowered = [...indexes]
    .filter(([, index]) => index < result)
    .flatMap(([id, index]) => [
      [`lowering ${id} by one`, majorityCommittedIndex(voters, withIndex(id, index - 1))] as const,
      [`lowering ${id} to 0`, majorityCommittedIndex(voters, withIndex(id, 0))] as const,
    ]);
  return [
    ["via counting", committedByCounting(voters, indexes)],
    ["via zero-joint quorum", jointCommittedIndex({ incoming: voters, outgoing: new Set() }, acknowledged)],
    ["via self-joint quorum", jointCommittedIndex({ incoming: voters, outgoing: voters }, acknowledged)],
    ...lowered,
  ];
}

/** The definition, without any cleverness: the highest acknowledged index that enough voters have reached. */
export function committedByCounting(voters: Majority, indexes: ReadonlyMap<NodeId, LogIndex>): LogIndex {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  const candidates = [0, ...indexes.values()].filter(
    (index) => [...voters].filter((id) => (indexes.get(id) ?? 0) >= index).length * 2 > voters.size,
  );
  return Math.max(...candidates);
}

function vote({ quorum, isJoint }: Halves, votes: ReadonlyMap<NodeId, boolean>): string {
  const result = isJoint ? jointVoteResult(quorum, votes) : majorityVoteResult(quorum.incoming, votes);
  const mirrored = isJoint ? jointVoteResult(swapped(quorum), votes) : result;
  const disagreement = mirrored === result ? "" : `${resultNames[mirrored]} <-- via symmetry\n`;
  return `${disagreement}${resultNames[result]}\n`;
}

const resultNames: Readonly<Record<VoteResult, string>> = {
  pending: "VotePending",
  lost: "VoteLost",
  won: "VoteWon",
};

function swapped({ incoming, outgoing }: JointQuorum): JointQuorum {
  return { incoming: outgoing, outgoing: incoming };
}

function text(index: LogIndex): string {
  return index === Number.POSITIVE_INFINITY ? "∞" : String(index);
}
