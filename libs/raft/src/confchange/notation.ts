import { RaftError } from "../errors.ts";
import type { ConfChangeStep, ConfChangeType } from "./conf-change.ts";

const letters: Readonly<Record<ConfChangeType, string>> = {
  "add-node": "v",
  "add-learner": "l",
  "remove-node": "r",
  "update-node": "u",
};

const types = new Map(Object.entries(letters).map(([type, letter]) => [letter, type as ConfChangeType]));

/** As `v1 l2 r3`: voter, learner, removed, (u) updated. */
export function describeSteps(steps: readonly ConfChangeStep[]): string {
  return steps.map(({ type, nodeId }) => `${letters[type]}${nodeId}`).join(" ");
}

/** Reads the notation of `describeSteps`. Errors: `invalid-conf-change`. */
export function parseSteps(text: string): ConfChangeStep[] {
  return text
    .trim()
    .split(/\s+/)
    .filter((token) => token !== "")
    .map((token) => {
      const type = types.get(token.slice(0, 1));
      const id = token.slice(1);
      if (type === undefined || !/^\d+$/.test(id)) {
        throw new RaftError(
          "invalid-conf-change",
          `expected steps such as "v1 l2 r3 u4" (voter, learner, remove, update), found "${token}"`,
        );
      }
      return { type, nodeId: Number(id) };
    });
}
