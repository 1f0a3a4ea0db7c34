import { runCommand } from "../repository.ts";

/** What `trellis` says that it knows. */
export interface TrellisHelp {
  /** Its commands, or those below one of them; empty below one that has none. */
  commands(...above: readonly string[]): Promise<ReadonlySet<string>>;
  /** The flags of a command, and those of all commands. */
  flags(...command: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Asks the command line of this checkout for its help, once for each command. */
export function createTrellisHelp(): TrellisHelp {
  const texts = new Map<string, Promise<string>>();
  const help = (...command: string[]): Promise<string> => {
    const key = command.join(" ");
    const text = texts.get(key) ?? ask(command);
    texts.set(key, text);
    return text;
  };
  const flagsIn = (text: string): string[] =>
    [...text.matchAll(/(?<![\w-])--?[a-z][\w-]*/g)].map(([flag]) => flag);
  return {
    async commands(...above) {
      const [, listed = ""] = (await help(...above)).split(/^Commands:$/m);
      return new Set([...listed.matchAll(/^ {2}([a-z]\S*)/gm)].map((match) => match[1] ?? ""));
    },
    async flags(...command) {
      return new Set([...flagsIn(await help()), ...flagsIn(await help(...command))]);
    },
  };
}

async function ask(command: readonly string[]): Promise<string> {
  const { exitCode, output } = await runCommand("node", ["apps/cli/bin/trellis.js", ...command, "--help"], {
    env: { NO_COLOR: "1", NODE_OPTIONS: "" },
  });
  if (exitCode !== 0) throw new Error(`trellis ${command.join(" ")} --help failed:\n${output}`);
  return output;
}
