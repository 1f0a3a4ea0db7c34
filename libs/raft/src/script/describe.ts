import type { Entry } from "../entry.ts";
import { isEmptyHardState, type HardState, type Role, type SoftState } from "../hard-state.ts";
import type { Message } from "../message.ts";
import { appendThread, applyThread, none, type NodeId } from "../numbers.ts";
import type { ReadState } from "../raft-state.ts";
import type { Ready } from "../ready.ts";
import type { ConfState, Snapshot } from "../snapshot.ts";
import { asV2 } from "../confchange/conf-change.ts";
import { decodeConfChange } from "../confchange/encoding.ts";
import { describeSteps } from "../confchange/notation.ts";
import { quote } from "./quote.ts";

const roleNames: Readonly<Record<Role, string>> = {
  follower: "StateFollower",
  "pre-candidate": "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
};

export function describeRole(role: Role): string {
  return roleNames[role];
}

/** One line per entry, as `1/11 EntryNormal "data"`; conf changes as `EntryConfChangeV2 v1 l2`. */
export function describeEntry(entry: Entry): string {
  const { term, index, type } = entry;
  const content = describeContent(entry);
  return `${term}/${index} ${type}${content === "" ? "" : ` ${content}`}`;
}

function describeContent(entry: Entry): string {
  const change = decodeConfChange(entry);
  return change === undefined ? quote(entry.data) : describeSteps(asV2(change).changes);
}

/** As `1->2 MsgApp Term:1 Log:1/11 Commit:11 Entries:[...]`; several entries, a snapshot and responses on lines of their own. */
export function describeMessage(message: Message, indent = ""): string {
  const { from, to, type, term, logTerm, index, entries, snapshot, responses } = message;
  const parts = [
    `${describeTarget(from)}->${describeTarget(to)} ${type} Term:${term} Log:${logTerm}/${index}`,
  ];
  if (message.reject) parts.push(`Rejected (Hint: ${message.rejectHint})`);
  if (message.commit !== 0) parts.push(`Commit:${message.commit}`);
  if (message.vote !== 0) parts.push(`Vote:${message.vote}`);
  const [first] = entries;
  if (first !== undefined && entries.length === 1) parts.push(`Entries:[${describeEntry(first)}]`);
  if (entries.length > 1) {
    const lines = entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`);
    parts.push(`Entries:[${lines.join("")}\n${indent}]`);
  }
  let text = `${indent}${parts.join(" ")}`;
  if (snapshot !== undefined) text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  if (responses.length > 0) {
    const lines = responses.map((response) => `\n${describeMessage(response, `${indent}  `)}`);
    text += ` Responses:[${lines.join("")}\n${indent}]`;
  }
  return text;
}

function describeTarget(id: NodeId): string {
  if (id === none) return "None";
  if (id === appendThread) return "AppendThread";
  return id === applyThread ? "ApplyThread" : id.toString(16);
}

/** Everything in a Ready that is not empty, each part under its name. */
export function describeReady(ready: Ready): string {
  const { softState, hardState, readStates, entries, snapshot, committedEntries, messages } = ready;
  const lines: string[] = [];
  if (softState !== undefined) lines.push(describeSoftState(softState));
  if (hardState !== undefined && !isEmptyHardState(hardState)) {
    lines.push(`HardState ${describeHardState(hardState)}`);
  }
  if (readStates.length > 0) lines.push(`ReadStates [${readStates.map(describeReadState).join(" ")}]`);
  if (entries.length > 0) lines.push("Entries:", ...entries.map(describeEntry));
  if (snapshot !== undefined) lines.push(`Snapshot ${describeSnapshot(snapshot)}`);
  if (committedEntries.length > 0) lines.push("CommittedEntries:", ...committedEntries.map(describeEntry));
  if (messages.length > 0) lines.push("Messages:", ...messages.map((message) => describeMessage(message)));
  if (lines.length === 0) return "<empty Ready>";
  return [`Ready MustSync=${ready.mustSync}:`, ...lines, ""].join("\n");
}

function describeSoftState({ leader, role }: SoftState): string {
  return `Lead:${leader} State:${describeRole(role)}`;
}

function describeHardState({ term, vote, commit }: HardState): string {
  return `Term:${term}${vote === none ? "" : ` Vote:${vote}`} Commit:${commit}`;
}

function describeReadState({ index, context }: ReadState): string {
  return `{${index} ${describeList([...context])}}`;
}

function describeSnapshot({ metadata: { index, term, confState } }: Snapshot): string {
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}

function describeConfState({ voters, votersOutgoing, learners, learnersNext, autoLeave }: ConfState): string {
  return (
    `Voters:${describeList(voters)} VotersOutgoing:${describeList(votersOutgoing)} ` +
    `Learners:${describeList(learners)} LearnersNext:${describeList(learnersNext)} AutoLeave:${autoLeave}`
  );
}

function describeList(values: readonly number[]): string {
  return `[${values.join(" ")}]`;
}
