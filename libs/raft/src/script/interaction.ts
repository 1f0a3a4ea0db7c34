import { confChange, confChangeV1, type ConfChangeTransition } from "../confchange/conf-change.ts";
import { parseSteps } from "../confchange/notation.ts";
import { message, messageTypes, type MessageType } from "../message.ts";
import type { NodeId } from "../numbers.ts";
import { isVoter } from "../quorum/joint.ts";
import { describeProgressMap } from "../tracker/describe-progress.ts";
import { addNodes, addNodesOptions } from "./add-nodes.ts";
import {
  booleanFrom,
  checkArguments,
  nodesIn,
  numberFrom,
  positionalOf,
  requiredValue,
  unknownCommand,
  valueOf,
  valuesOf,
  type Usage,
} from "./arguments.ts";
import { describeEntry, describeMessage, describeRole } from "./describe.ts";
import { Environment, type Recipient } from "./environment.ts";
import { logLevels } from "./output.ts";
import type { Directive } from "./parse-script.ts";
import type { DirectiveHandler } from "./run-script.ts";
import { recordedText, ScriptError } from "./script-error.ts";

type Action = (environment: Environment, directive: Directive) => void;

interface Command extends Usage {
  readonly run: Action;
}

/** A fresh environment, and a handler of the directives that act in it. */
export function interactionHandler(): DirectiveHandler {
  const environment = new Environment();
  return (directive) => {
    const { output } = environment;
    output.clear();
    try {
      perform(environment, directive);
    } catch (error) {
      const text = recordedText(error);
      if (text === undefined) throw error;
      return output.text + text;
    }
    return output.text === "" ? "ok" : output.text;
  };
}

function perform(environment: Environment, directive: Directive): void {
  const command = commands.get(directive.command);
  if (command === undefined) unknownCommand(directive, [...commands.keys()]);
  checkArguments(directive, { ...command, usage: `${directive.command} ${command.usage}`.trim() });
  command.run(environment, directive);
}

/** Commands about one node, any number of them, and none. */
const oneNode = { usage: "NODE", positional: [1, 1] } as const;
const someNodes = { usage: "NODE...", positional: [1, Number.POSITIVE_INFINITY] } as const;
const anyNodes = { usage: "[NODE...]", positional: [0, Number.POSITIVE_INFINITY] } as const;
const twoNodes = { usage: "NODE OTHER", positional: [2, 2] } as const;
const noNode = { usage: "", positional: [0, 0] } as const;

const commands = new Map<string, Command>([
  ["_breakpoint", { ...noNode, run: () => undefined }],
  ["add-nodes", { usage: "NUMBER", positional: [1, 1], options: addNodesOptions, run: addNodes }],
  ["campaign", { ...oneNode, run: ({ nodes }, directive) => first(nodes, directive).core.campaign() }],
  ["compact", { usage: "NODE INDEX", positional: [2, 2], run: compact }],
  ["deliver-msgs", { ...anyNodes, options: ["type", "drop"], run: deliverMessages }],
  [
    "forget-leader",
    { ...oneNode, run: ({ nodes }, directive) => first(nodes, directive).core.forgetLeader() },
  ],
  [
    "log-level",
    {
      usage: "LEVEL",
      positional: [1, 1],
      run: (environment, { args }) => setLogLevel(environment, args[0]?.key ?? ""),
    },
  ],
  [
    "process-append-thread",
    { ...someNodes, run: perNode("processing append thread", (e, id) => e.processAppendThread(id)) },
  ],
  [
    "process-apply-thread",
    { ...someNodes, run: perNode("processing apply thread", (e, id) => e.processApplyThread(id)) },
  ],
  ["process-ready", { ...someNodes, run: perNode("handling Ready", (e, id) => e.processReady(id)) }],
  ["propose", { usage: "NODE DATA", positional: [2, 2], run: propose }],
  ["propose-conf-change", { ...oneNode, options: ["v1", "transition"], run: proposeConfChange }],
  ["raft-log", { ...oneNode, run: (environment, directive) => printLog(environment, firstId(directive)) }],
  ["raft-state", { ...noNode, run: printRaftState }],
  ["report-unreachable", { ...twoNodes, run: reportUnreachable }],
  ["send-snapshot", { ...twoNodes, run: sendSnapshot }],
  ["set-randomized-election-timeout", { ...oneNode, options: ["timeout"], run: setElectionTimeout }],
  ["stabilize", { ...anyNodes, options: ["log-level"], run: stabilize }],
  ["status", { ...oneNode, run: printStatus }],
  [
    "tick-election",
    { ...oneNode, run: (environment, directive) => tick(environment, directive, "electionTicks") },
  ],
  [
    "tick-heartbeat",
    { ...oneNode, run: (environment, directive) => tick(environment, directive, "heartbeatTicks") },
  ],
  ["transfer-leadership", { ...noNode, options: ["from", "to"], run: transferLeadership }],
]);

function firstId(directive: Directive): NodeId {
  const [id] = nodesIn(directive);
  if (id === undefined) throw new ScriptError(`expected a node after ${directive.command}`);
  return id;
}

function first<Node>(nodes: readonly Node[], directive: Directive): Node {
  const node = nodes[firstId(directive) - 1];
  if (node === undefined) throw new ScriptError(`there is no node ${firstId(directive)}`);
  return node;
}

/** A command that works on each of its nodes; with several, each one's output is under a title. */
function perNode(title: string, work: (environment: Environment, id: NodeId) => void): Action {
  return (environment, directive) => {
    const ids = nodesIn(directive);
    for (const id of ids) {
      if (ids.length === 1) {
        work(environment, id);
      } else {
        environment.output.writeLine(`> ${id} ${title}`);
        environment.output.indented(() => work(environment, id));
      }
    }
  };
}

function compact(environment: Environment, directive: Directive): void {
  const [id = 0, index = 0] = directive.args.map(({ key }) => numberFrom(key));
  const { storage } = environment.node(id);
  if (index < storage.firstIndex()) throw new ScriptError("requested index is unavailable due to compaction");
  storage.compact(index);
  printLog(environment, id);
}

function deliverMessages(environment: Environment, directive: Directive): void {
  const type = valueOf(directive, "type");
  if (type !== undefined && !isMessageType(type)) throw new ScriptError(`unknown message type ${type}`);
  // In the order of the arguments: it is the order of delivery.
  const recipients = directive.args.flatMap(({ key, isNamed, values }): Recipient[] => {
    if (key === "drop") return values.map((id) => ({ id: numberFrom(id), drops: true }));
    return isNamed ? [] : [{ id: numberFrom(key), drops: false }];
  });
  const twice = recipients.find(
    ({ id, drops }) => drops && recipients.some((other) => other.id === id && !other.drops),
  );
  if (twice !== undefined)
    throw new ScriptError(`expected messages to ${twice.id} to be delivered or dropped, not both`);
  if (environment.deliver(recipients, type) === 0) environment.output.writeLine("no messages");
}

function isMessageType(type: string): type is MessageType {
  return messageTypes.some((known) => known === type);
}

function setLogLevel({ output }: Environment, name: string): void {
  const level = logLevels.findIndex((known) => known.toLowerCase() === name.toLowerCase());
  if (level < 0) throw new ScriptError(`log levels must be either of [${logLevels.join(" ")}]`);
  output.level = level;
}

function propose({ nodes }: Environment, directive: Directive): void {
  const [id = "", data = ""] = positionalOf(directive);
  const node = nodes[numberFrom(id) - 1];
  if (node === undefined) throw new ScriptError(`there is no node ${id}`);
  node.core.propose(new TextEncoder().encode(data));
}

const transitions: Readonly<Record<string, ConfChangeTransition>> = {
  auto: "auto",
  implicit: "joint-implicit",
  explicit: "joint-explicit",
};

function proposeConfChange({ nodes }: Environment, directive: Directive): void {
  const name = valueOf(directive, "transition") ?? "auto";
  const transition = transitions[name];
  if (transition === undefined) throw new ScriptError(`unknown transition ${name}`);
  const steps = parseSteps(directive.input);
  const node = first(nodes, directive);
  if (!booleanFrom(valueOf(directive, "v1") ?? "false")) {
    node.core.proposeConfChange(confChange(steps, { transition }));
    return;
  }
  const [step] = steps;
  if (step === undefined || steps.length > 1 || transition !== "auto") {
    throw new ScriptError("v1 conf change can only have one operation and no transition");
  }
  node.core.proposeConfChange(confChangeV1(step.type, step.nodeId));
}

function printLog(environment: Environment, id: NodeId): void {
  const { output } = environment;
  const { storage } = environment.node(id);
  const from = storage.firstIndex();
  const last = storage.lastIndex();
  if (last < from) {
    output.write(`log is empty: first index=${from}, last index=${last}`);
    return;
  }
  for (const entry of storage.entries(from, last + 1, Number.POSITIVE_INFINITY) ?? []) {
    output.writeLine(describeEntry(entry));
  }
}

function printRaftState({ nodes, output }: Environment): void {
  for (const { core } of nodes) {
    const { id, softState, hardState, configuration } = core.status();
    const voter = isVoter(configuration.voters, id) ? "(Voter)" : "(Non-Voter)";
    const role = describeRole(softState.role);
    output.writeLine(`${id}: ${role} ${voter} Term:${hardState.term} Lead:${softState.leader}`);
  }
}

function reportUnreachable(environment: Environment, directive: Directive): void {
  const [id = 0, unreachable = 0] = nodesIn(directive);
  environment.node(id).core.reportUnreachable(unreachable);
}

function sendSnapshot(environment: Environment, directive: Directive): void {
  const [from = 0, to = 0] = nodesIn(directive);
  const { core, snapshot } = environment.node(from);
  const { term } = core.status().hardState;
  const sent = message({ type: "MsgSnap", term, from, to, snapshot });
  environment.messages.push(sent);
  environment.output.write(describeMessage(sent));
}

function setElectionTimeout({ nodes }: Environment, directive: Directive): void {
  first(nodes, directive).core.overrideElectionTimeout(numberFrom(requiredValue(directive, "timeout")));
}

function stabilize(environment: Environment, directive: Directive): void {
  const { output, nodes } = environment;
  const before = output.level;
  const ids = nodesIn(directive);
  for (const name of valuesOf(directive, "log-level")) setLogLevel(environment, name);
  try {
    environment.stabilize(ids.length > 0 ? ids : nodes.map((_, at) => at + 1));
  } finally {
    output.level = before;
  }
}

function printStatus({ nodes, output }: Environment, directive: Directive): void {
  output.write(describeProgressMap(first(nodes, directive).core.status().progress));
}

function tick({ nodes }: Environment, directive: Directive, unit: "electionTicks" | "heartbeatTicks"): void {
  const { core, options } = first(nodes, directive);
  for (let ticks = 0; ticks < options[unit]; ticks++) core.tick();
}

function transferLeadership(environment: Environment, directive: Directive): void {
  const from = numberFrom(requiredValue(directive, "from"));
  const to = numberFrom(requiredValue(directive, "to"));
  environment.node(from).core.transferLeadership(to);
}
