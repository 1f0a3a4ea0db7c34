export { runScript, type ScriptDifference, type ScriptResult } from "./run-script.ts";
export { parseScript, type Argument, type Directive } from "./parse-script.ts";
export { describeDifference } from "./describe-difference.ts";
export { interactionHandler } from "./interaction.ts";
export { quorumHandler } from "./quorum.ts";
export { confchangeHandler } from "./confchange.ts";
export { ScriptSyntaxError } from "./script-error.ts";
export { scriptKindOf, scriptKinds, type ScriptKind } from "./script-kinds.ts";
export { describeEntry, describeMessage, describeReady } from "./describe.ts";
