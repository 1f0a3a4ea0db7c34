import { confChange, confChangeV1, type ConfChangeTransition } from "../confchange/conf-change.ts";
import { parseSteps } from "../confchange/notation.ts";
import { message, messageTypes, type MessageType } from "../message.ts";
import type { NodeId } from "../numbers.ts";
import { isVoter } from "../quorum/joint.ts";
import { describeProgressMap } from "../tracker/describe-progress.ts";
import { addNodes } from "./add-nodes.ts";
import { booleanFrom, nodesIn, numberFrom, requiredValue, valueOf, valuesOf } from "./arguments.ts";
import { describeEntry, describeMessage, describeRole } from "./describe.ts";
import { Environment, type Recipient } from "./environment.ts";
import { logLevels } from "./output.ts";
import type { Directive } from "./parse-script.ts";
import type { DirectiveHandler } from "./run-script.ts";
import { recordedText, ScriptError } from "./script-error.ts";

type Command = (environment: Environment, directive: Directive) => void;

/** A fresh environment, and a handler of the directives that act in it. */
export function interactionHandler(): DirectiveHandler {
  const environment = new Environment();
  return (directive) => {
    const { output } = environment;
    output.clear();
    const command = commands.get(directive.command);
    if (command === undefined) return "unknown command";
    try {
      command(environment, directive);
    } catch (error) {
      const text = recordedText(error);
      if (text === undefined) throw error;
      return output.text + text;
    }
    return output.text === "" ? "ok" : output.text;
  };
}

const commands = new Map<string, Command>([
  ["_breakpoint", () => undefined],
  ["add-nodes", addNodes],
  ["campaign", ({ nodes }, directive) => first(nodes, directive).core.campaign()],
  ["compact", compact],
  ["deliver-msgs", deliverMessages],
  ["forget-leader", ({ nodes }, directive) => first(nodes, directive).core.forgetLeader()],
  ["log-level", (environment, { args }) => setLogLevel(environment, args[0]?.key ?? "")],
  ["process-append-thread", perNode("processing append thread", (e, id) => e.processAppendThread(id))],
  ["process-apply-thread", perNode("processing apply thread", (e, id) => e.processApplyThread(id))],
  ["process-ready", perNode("handling Ready", (e, id) => e.processReady(id))],
  ["propose", propose],
  ["propose-conf-change", proposeConfChange],
  ["raft-log", (environment, directive) => printLog(environment, firstId(directive))],
  ["raft-state", printRaftState],
  ["report-unreachable", reportUnreachable],
  ["send-snapshot", sendSnapshot],
  ["set-randomized-election-timeout", setElectionTimeout],
  ["stabilize", stabilize],
  ["status", printStatus],
  ["tick-election", (environment, directive) => tick(environment, directive, "electionTicks")],
  ["tick-heartbeat", (environment, directive) => tick(environment, directive, "heartbeatTicks")],
  ["transfer-leadership", transferLeadership],
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
function perNode(title: string, work: (environment: Environment, id: NodeId) => void): Command {
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
  const recipients = directive.args.flatMap(({ key, values }): Recipient[] => {
    if (key === "drop") return values.map((id) => ({ id: numberFrom(id), drops: true }));
    return values.length === 0 ? [{ id: numberFrom(key), drops: false }] : [];
  });
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
  const data = directive.args[1]?.key ?? "";
  const [id] = directive.args;
  const node = nodes[numberFrom(id?.key ?? "") - 1];
  if (node === undefined) throw new ScriptError("expected a node after propose");
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
