import { confchangeHandler } from "./confchange.ts";
import { interactionHandler } from "./interaction.ts";
import { quorumHandler } from "./quorum.ts";
import type { DirectiveHandler } from "./run-script.ts";

/** The kinds of scripts, by the folder they are in; each script gets a handler of its own. */
export const scriptKinds: Readonly<Record<ScriptKind, () => DirectiveHandler>> = {
  quorum: quorumHandler,
  confchange: confchangeHandler,
  interaction: interactionHandler,
};

export type ScriptKind = "quorum" | "confchange" | "interaction";
