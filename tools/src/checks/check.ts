import { type CommandResult, runCommand } from "../repository.ts";

/** What a check found. `output` is shown when something failed. */
export interface CheckResult {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
  /** A few words for the line of a check that passed. */
  readonly summary?: string;
}

/** One check of the gate. */
export interface Check {
  readonly name: string;
  /** `tell` shows a line while the check is under way. */
  readonly run: (tell: (line: string) => void) => Promise<CheckResult>;
}

/** A check that passes when it finds nothing. */
export function fromFindings(findings: readonly string[]): CheckResult {
  return {
    passed: findings.length === 0 ? 1 : 0,
    failed: findings.length === 0 ? 0 : 1,
    output: findings.join("\n"),
  };
}

/** A check that passes when a command of the toolchain ends with 0 in `root`. */
export async function fromCommand(
  root: string,
  ...[program, ...args]: [string, ...string[]]
): Promise<CheckResult> {
  const result = await runCommand(program, args, { cwd: root });
  const passed = result.exitCode === 0 && result.stopped === undefined;
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, output: describeEnd(program, result) };
}

/** A command's output, and why it was ended if it was. */
function describeEnd(program: string, { output, stopped }: CommandResult): string {
  return stopped === undefined ? output : `${output}\n${program} was ended: ${stopped}`;
}
