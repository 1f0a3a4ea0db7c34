import { ascending, type NodeId } from "../numbers.ts";
import type { Progress, ProgressState } from "./progress.ts";

const stateNames: Readonly<Record<ProgressState, string>> = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
};

/** One line for people and recorded scripts, as `StateReplicate match=11 next=14 inflight=2`. */
export function describeProgress(progress: Progress): string {
  const parts = [stateNames[progress.state], `match=${progress.match}`, `next=${progress.next}`];
  if (progress.isLearner) parts.push("learner");
  if (progress.isPaused) parts.push("paused");
  if (progress.pendingSnapshot > 0) parts.push(`pendingSnap=${progress.pendingSnapshot}`);
  if (!progress.recentActive) parts.push("inactive");
  const inFlight = progress.inflights.count;
  if (inFlight > 0) parts.push(`inflight=${inFlight}${progress.inflights.isFull ? "[full]" : ""}`);
  return parts.join(" ");
}

/** One line per member, ascending by id, each with its line end. */
export function describeProgressMap(progress: ReadonlyMap<NodeId, Progress>): string {
  return [...progress]
    .sort(([a], [b]) => ascending(a, b))
    .map(([id, of]) => `${id}: ${describeProgress(of)}\n`)
    .join("");
}
