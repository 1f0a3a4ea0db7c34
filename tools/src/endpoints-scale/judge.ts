import { type RoundFigures, WINDOW_MS } from "./scale.ts";

/** How long after the last change the endpoints may still be wrong. */
export const MAX_SETTLE_MS = 2_000;
/** How often the endpoints of one service may be written in a second. */
const MAX_WRITES_PER_SECOND = 2;
/** Writes more in a window, of which the first and the last may be cut off or late in the watch. */
const SLACK_WRITES = 2;
/** The share of the rate that must have been reached, else there was no such load. */
const MIN_PACE = 0.95;
/** How much more the heap may hold at rest than after the first round. */
const MORE_HEAP = 0.1;
const MEBIBYTE = 1024 * 1024;

/** What of the promises is not kept; empty when all are. */
export function findingsOf(rounds: readonly RoundFigures[], ratePerSecond: number): readonly string[] {
  const [first] = rounds;
  return rounds.flatMap((round, at) => [
    ...findingsOfRound(round, ratePerSecond).map((finding) => `round ${at + 1}: ${finding}`),
    ...(first !== undefined && round.heapBytes > first.heapBytes * (1 + MORE_HEAP)
      ? [
          `round ${at + 1}: ${mebibytes(round.heapBytes)} on the heap at rest, ${mebibytes(first.heapBytes)} after the first`,
        ]
      : []),
  ]);
}

function findingsOfRound(
  { changesPerSecond, settleMs, busiestService, interruptions, errors }: RoundFigures,
  ratePerSecond: number,
): readonly string[] {
  const findings: string[] = [];
  if (errors.length > 0) findings.push(`${errors.length} changes failed, the first with: ${errors[0]}`);
  if (interruptions > 0) findings.push(`the watch was cut ${interruptions} times`);
  if (changesPerSecond < ratePerSecond * MIN_PACE)
    findings.push(`${Math.round(changesPerSecond)} changes a second, expected ${ratePerSecond}`);
  if (settleMs > MAX_SETTLE_MS)
    findings.push(
      `settled ${Math.round(settleMs)} ms after the last change, expected at most ${MAX_SETTLE_MS}`,
    );
  const maxWrites = (MAX_WRITES_PER_SECOND * WINDOW_MS) / 1_000 + SLACK_WRITES;
  if (busiestService > maxWrites)
    findings.push(
      `a service's endpoints were written ${busiestService} times in ${WINDOW_MS / 1_000} s, expected at most ${maxWrites}`,
    );
  return findings;
}

/** The rounds as a Markdown table. */
export function scaleTable(rounds: readonly RoundFigures[]): string {
  const header = [
    "round",
    "changes",
    "changes/s",
    "settled after",
    "endpoints written",
    `most of one service in ${WINDOW_MS / 1_000} s`,
    "server's cores",
    "heap at rest",
    "resident",
  ];
  const rows = rounds.map((round, at) => [
    String(at + 1),
    round.changes.toLocaleString("en"),
    Math.round(round.changesPerSecond).toLocaleString("en"),
    `${Math.round(round.settleMs)} ms`,
    round.endpointWrites.toLocaleString("en"),
    String(round.busiestService),
    round.serverCores?.toFixed(2) ?? "-",
    mebibytes(round.heapBytes),
    round.residentBytes === undefined ? "-" : mebibytes(round.residentBytes),
  ]);
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MEBIBYTE)} MiB`;
}
