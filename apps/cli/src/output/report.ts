import { type Place, placeText } from "../manifest/problem.ts";
import { createPaint, paintWord } from "./paint.ts";
import { printable } from "./printable.ts";
import { pad, widthOf } from "./table.ts";

/** What became of one resource. */
export type Outcome = "created" | "updated" | "unchanged" | "deleted" | "marked" | "absent" | "failed";

/** One reason of a failure; with its place where it stands in a manifest. */
export interface ReportedFault {
  readonly place?: Place;
  readonly message: string;
}

/** Prints one line per resource as the work goes on, and counts. */
export interface Report {
  /** A resource that went well; `note` stands after the outcome. */
  done(label: string, outcome: Exclude<Outcome, "failed">, note?: string): void;
  /** A resource that was marked for deletion and is gone now: it counts as deleted. */
  gone(label: string, note: string): void;
  /** A resource that failed: the first fault on its line, the others below. */
  failed(label: string, faults: readonly ReportedFault[]): void;
  /** The closing line. */
  summary(): void;
  readonly failures: number;
}

/** The most faults that are printed of one resource. */
const SHOWN_FAULTS = 20;
/** Labels longer than this do not move everyone's second column. */
const MAX_LABEL_WIDTH = 48;
/** The longest outcome, `unchanged`. */
const OUTCOME_WIDTH = 9;

/** Makes a report for resources with known labels, so that its columns are aligned from the first line. */
export function createReport(
  labels: readonly string[],
  options: { readonly colour: boolean; readonly dryRun: boolean; readonly print: (text: string) => void },
): Report {
  const paint = createPaint(options.colour);
  const width = labels.reduce((most, label) => Math.max(most, Math.min(MAX_LABEL_WIDTH, widthOf(label))), 0);
  const counts = new Map<Outcome, number>();
  const line = (label: string, outcome: Outcome, rest: string) => {
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    const word = paintWord(paint, outcome) + " ".repeat(rest === "" ? 0 : OUTCOME_WIDTH - outcome.length + 2);
    options.print(`${pad(printable(label), width)}  ${word}${rest}\n`);
  };
  const below = (text: string) => options.print(`${" ".repeat(width + 2 + OUTCOME_WIDTH + 2)}${text}\n`);
  const faultText = ({ place, message }: ReportedFault) =>
    `${place === undefined ? "" : `${placeText(place)}  `}${printable(message)}`;
  return {
    done: (label, outcome, note = "") => line(label, outcome, note),
    gone(label, note) {
      counts.set("marked", (counts.get("marked") ?? 0) - 1);
      line(label, "deleted", note);
    },
    failed(label, faults) {
      const [first, ...others] = faults;
      line(label, "failed", first === undefined ? "" : faultText(first));
      for (const fault of others.slice(0, SHOWN_FAULTS - 1)) below(faultText(fault));
      if (faults.length > SHOWN_FAULTS) below(`and ${faults.length - SHOWN_FAULTS} more`);
    },
    summary() {
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
      const parts = SUMMARY_ORDER.flatMap((outcome) => {
        const count = counts.get(outcome) ?? 0;
        return count === 0 ? [] : [`${count} ${outcome}`];
      });
      const dry = options.dryRun ? " (dry run: nothing is changed)" : "";
      options.print(`\n${total} ${total === 1 ? "resource" : "resources"}: ${parts.join(", ")}${dry}\n`);
    },
    get failures() {
      return counts.get("failed") ?? 0;
    },
  };
}

const SUMMARY_ORDER: readonly Outcome[] = [
  "created",
  "updated",
  "unchanged",
  "deleted",
  "marked",
  "absent",
  "failed",
];
