import { changeSimply, enterJoint, leaveJoint, type ChangedMembers } from "../confchange/changer.ts";
import { parseSteps } from "../confchange/notation.ts";
import { describeConfiguration } from "../tracker/configuration.ts";
import { describeProgressMap } from "../tracker/describe-progress.ts";
import { ProgressTracker } from "../tracker/progress-tracker.ts";
import { booleanFrom, checkArguments, unknownCommand, valueOf } from "./arguments.ts";
import type { Directive } from "./parse-script.ts";
import type { DirectiveHandler } from "./run-script.ts";
import { recordedText, ScriptError } from "./script-error.ts";

/**
 * A tracker without members, and a handler of the directives that change them: `simple`, `enter-joint`, `leave-joint`. The
 * log grows by one entry with each directive, so that a progress tells when it was made.
 */
export function confchangeHandler(): DirectiveHandler {
  const tracker = new ProgressTracker({ maxMessages: 10, maxBytes: 0 });
  let directives = 0;
  return (directive) => {
    const lastIndex = directives++;
    try {
      const { configuration, progress } = change({ tracker, lastIndex }, directive);
      tracker.switchTo(configuration, progress);
    } catch (error) {
      const text = recordedText(error);
      if (text === undefined) throw error;
      return text;
    }
    return `${describeConfiguration(tracker.configuration)}\n${describeProgressMap(tracker.progress)}`;
  };
}

const commands: readonly string[] = ["simple", "enter-joint", "leave-joint"];

function change(
  base: { readonly tracker: ProgressTracker; readonly lastIndex: number },
  directive: Directive,
): ChangedMembers {
  if (!commands.includes(directive.command)) unknownCommand(directive, commands);
  checkArguments(directive, {
    usage: directive.command,
    positional: [0, 0],
    options: directive.command === "enter-joint" ? ["autoleave"] : [],
  });
  const steps = parseSteps(directive.input);
  switch (directive.command) {
    case "simple":
      return changeSimply(base, steps);
    case "enter-joint":
      return enterJoint(base, { autoLeave: booleanFrom(valueOf(directive, "autoleave") ?? "false"), steps });
    default: // leave-joint
      if (steps.length > 0) throw new ScriptError("this command takes no input");
      return leaveJoint(base);
  }
}
