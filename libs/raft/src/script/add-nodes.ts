import type { ReadOnlyOption } from "../options.ts";
import { emptyConfState, type Snapshot } from "../snapshot.ts";
import { booleanFrom, nodesIn, numberFrom, valueOf, valuesOf } from "./arguments.ts";
import type { Environment } from "./environment.ts";
import type { Directive } from "./parse-script.ts";
import { ScriptError } from "./script-error.ts";
import { ScriptNode, type ScriptNodeOptions } from "./script-node.ts";

const electionTicks = 3;
const heartbeatTicks = 1;
const inflightMessages = 2 ** 31 - 1;

/** What `add-nodes N` may be given besides the number. */
export const addNodesOptions = [
  "voters",
  "learners",
  "index",
  "content",
  "inflight",
  "async-storage-writes",
  "prevote",
  "checkquorum",
  "max-committed-size-per-ready",
  "disable-conf-change-validation",
  "read-only",
  "step-down-on-removal",
] as const;

/** Adds nodes that start from a snapshot at `index`, term 1, or, without any of its arguments, from nothing. */
export function addNodes({ nodes }: Environment, directive: Directive): void {
  const [count] = nodesIn(directive);
  if (count === undefined) throw new ScriptError("expected the number of nodes after add-nodes");
  for (let added = 0; added < count; added++) {
    nodes.push(new ScriptNode({ ...optionsFrom(directive), id: nodes.length + 1 }));
  }
}

function optionsFrom(directive: Directive): Omit<ScriptNodeOptions, "id"> {
  const flag = (key: string): boolean => booleanFrom(valueOf(directive, key) ?? "false");
  const number = (key: string): number | undefined => {
    const value = valueOf(directive, key);
    return value === undefined ? undefined : numberFrom(value);
  };
  const index = number("index") ?? 0;
  const snapshotArguments = ["voters", "learners", "index", "content"];
  const bootstrap = directive.args.some(({ key }) => snapshotArguments.includes(key));
  if (bootstrap && index <= 1) throw new ScriptError("index must be specified as > 1 due to bootstrap");
  const maxCommitted = number("max-committed-size-per-ready");
  return {
    initial: initialSnapshot(directive, index),
    bootstrap,
    applied: index,
    electionTicks,
    heartbeatTicks,
    // Scripts that depend on a timeout set it.
    random: (below) => below - 1,
    asyncStorageWrites: flag("async-storage-writes"),
    maxInflightMessages: number("inflight") ?? inflightMessages,
    ...(maxCommitted === undefined || maxCommitted === 0 ? {} : { maxCommittedBytesPerReady: maxCommitted }),
    preVote: flag("prevote"),
    checkQuorum: flag("checkquorum"),
    readOnly: readOnlyFrom(valueOf(directive, "read-only") ?? "safe"),
    disableConfChangeValidation: flag("disable-conf-change-validation"),
    stepDownOnRemoval: flag("step-down-on-removal"),
  };
}

function initialSnapshot(directive: Directive, index: number): Snapshot {
  const ids = (key: string): number[] => valuesOf(directive, key).map(numberFrom);
  return {
    data: new TextEncoder().encode(valueOf(directive, "content") ?? ""),
    metadata: {
      index,
      term: index === 0 ? 0 : 1,
      confState: { ...emptyConfState, voters: ids("voters"), learners: ids("learners") },
    },
  };
}

function readOnlyFrom(name: string): ReadOnlyOption {
  if (name !== "safe" && name !== "lease-based") throw new ScriptError(`invalid read-only option "${name}"`);
  return name;
}
