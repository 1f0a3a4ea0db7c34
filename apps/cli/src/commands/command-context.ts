import { type Command, Option } from "commander";

import type { Environment } from "../environment.ts";
import { OUTPUT_FORMATS } from "../output/format.ts";
import { type Session, withSession } from "../session.ts";

/** What a command is given beside its own arguments. */
export interface CommandContext {
  readonly environment: Environment;
  /** Runs a command's work with the server that the options name, and keeps its exit code. */
  run(command: Command, work: (session: Session) => Promise<number>): Promise<void>;
}

/** Makes the context of one run of the program; `finish` takes the exit code. */
export function createCommandContext(
  environment: Environment,
  finish: (exitCode: number) => void,
): CommandContext {
  return {
    environment,
    async run(command, work) {
      const { server } = command.optsWithGlobals<{ server?: string }>();
      finish(await withSession(environment, server, work));
    },
  };
}

/** Adds a command with its help: what it does, beginning with a small letter, and examples. */
export function addCommand(
  program: Command,
  name: string,
  help: { readonly description: string; readonly examples: readonly string[] },
): Command {
  const path = program.parent === null ? name : `${program.name()} ${name}`;
  const examples = help.examples.map((example) => `  trellis ${path} ${example}\n`.replace(/ +$/m, ""));
  return program
    .command(name)
    .summary(help.description)
    .description(`${help.description.charAt(0).toUpperCase()}${help.description.slice(1)}.`)
    .addHelpText("after", `\nExamples:\n${examples.join("").trimEnd()}`);
}

/** `-n` and `-p`: where names live. */
export function withTenancyOptions(command: Command): Command {
  return command
    .option("-n, --namespace <name>", "the namespace, for types that live in one")
    .option("-p, --partition <name>", "the partition");
}

/** `-A`. */
export function withAllNamespacesOption(command: Command): Command {
  return command.option(
    "-A, --all-namespaces",
    "every namespace of every partition, or of the one given with -p",
  );
}

/** `-o`. */
export function outputOption(formats: readonly string[] = OUTPUT_FORMATS): Option {
  return new Option("-o, --output <format>", "how to print").choices(formats).default("table");
}
