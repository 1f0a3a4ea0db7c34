import { confchangeHandler } from "./confchange.ts";
import { interactionHandler } from "./interaction.ts";
import { quorumHandler } from "./quorum.ts";
import type { Directive } from "./parse-script.ts";
import type { DirectiveHandler } from "./run-script.ts";

/** The kinds of scripts, by the folder they are in; each script gets a handler of its own. */
export const scriptKinds: Readonly<Record<ScriptKind, () => DirectiveHandler>> = {
  quorum: quorumHandler,
  confchange: confchangeHandler,
  interaction: interactionHandler,
};

export type ScriptKind = "quorum" | "confchange" | "interaction";

const commandsOf: Readonly<Record<string, ScriptKind>> = {
  committed: "quorum",
  vote: "quorum",
  simple: "confchange",
  "enter-joint": "confchange",
  "leave-joint": "confchange",
};

/** The kind of a script that lies in no folder of a kind, told by its first command. */
export function scriptKindOf(directives: readonly Directive[]): ScriptKind {
  return commandsOf[directives[0]?.command ?? ""] ?? "interaction";
}
