/** One instruction, `COPY apps apps`, with its lines joined. */
export interface Instruction {
  readonly name: string;
  /** What follows the name. */
  readonly rest: string;
}

/** What stands between one FROM and the next. */
export interface Stage {
  readonly base: string;
  /** As the stages after it call it; undefined for the last. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** What one COPY takes, and from where. */
export interface Copy {
  /** The stage that it takes from; undefined for the context. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

/** The stages of a Dockerfile, in order. Comments and directives are left out. */
export function parseDockerfile(text: string): readonly Stage[] {
  const instructions = text
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => /^\s*([A-Z]+)\s+(.*?)\s*$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = "", rest = ""]) => ({ name, rest }));
  const starts = instructions.flatMap(({ name }, at) => (name === "FROM" ? [at] : []));
  return starts.map((start, at) => {
    const [base = "", , name] = (instructions[start]?.rest ?? "").split(/\s+/);
    return { base, name, instructions: instructions.slice(start + 1, starts[at + 1]) };
  });
}

/** What a stage copies. */
export function copiesOf({ instructions }: Stage): readonly Copy[] {
  return instructions
    .filter(({ name }) => name === "COPY")
    .map(({ rest }) => {
      const words = rest.split(/\s+/);
      const from = words.find((word) => word.startsWith("--from="))?.slice("--from=".length);
      const paths = words.filter((word) => !word.startsWith("--"));
      return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? "" };
    });
}

/** The one instruction of that name in a stage. Throws when there is none, or more. */
export function only({ instructions }: Stage, name: string): string {
  const found = instructions.filter((instruction) => instruction.name === name);
  const [instruction] = found;
  if (found.length !== 1 || instruction === undefined)
    throw new Error(`expected one ${name} in the stage, found ${found.length}`);
  return instruction.rest;
}
