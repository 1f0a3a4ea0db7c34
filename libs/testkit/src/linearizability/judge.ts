import type { History } from "../history/history.ts";
import { Contents } from "./contents.ts";
import { keyOperations } from "./key-operations.ts";
import { searchOrder } from "./search.ts";

/** What the second judge found. */
export interface LinearizabilityVerdict {
  /** What is wrong, in words. */
  readonly findings: readonly string[];
  /** Keys whose search was given up. */
  readonly undecided: number;
}

/**
 * The second judge (DESIGN §10.3): looks for each key alone whether some order of what was done to it explains the answers. It trusts no version: not that
 * they grow, nor that they say what came first. Whoever writes must write each content once only, or it cannot be told who wrote it.
 */
export function judgeLinearizability(history: History): LinearizabilityVerdict {
  const contents = new Contents(history);
  const findings: string[] = [...contents.findings];
  let undecided = 0;
  for (const [key, operations] of keyOperations(history, contents)) {
    const verdict = searchOrder(operations);
    if (verdict.kind === "undecided") undecided++;
    if (verdict.kind !== "violation") continue;
    const { stuck } = verdict;
    findings.push(
      `no order of the ${operations.length} operations on ${key.replaceAll("\0", " ").trim()} explains their answers; ` +
        `stuck at ${stuck.what}, from moment ${stuck.startedAt} to ${stuck.endedAt}`,
    );
  }
  return { findings, undecided };
}
