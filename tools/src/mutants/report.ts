import type { Mutant, Verdict } from "./mutant.ts";

/** Where a report goes. */
export interface ReportOutput {
  /** Takes lines that stay. */
  readonly print: (text: string) => void;
  /** Takes the line that shows how far the run is; absent where no terminal is. */
  readonly status?: { readonly write: (text: string) => void; readonly columns: number };
}

/** The verdicts of a run as a person reads them. */
export interface Report {
  /** Says on a terminal what goes on before the first verdict. */
  begin(what: string): void;
  /** Takes the verdict of a mutant; it is printed once those before it are. */
  add(position: number, verdict: Verdict): void;
  /** Prints the sum. Returns whether every mutant was killed. */
  end(): boolean;
}

/** To the line's beginning, and nothing after it. */
const ERASE = "\r\u001B[K";

/** Makes a report of a run over these mutants. */
export function createReport(mutants: readonly Mutant[], { print, status }: ReportOutput): Report {
  const verdicts: (Verdict | undefined)[] = mutants.map(() => undefined);
  let printed = 0;
  let [judged, killed] = [0, 0];
  const show = (text: string): void => status?.write(`${ERASE}${text.slice(0, status.columns - 1)}`);
  return {
    begin: show,
    add(position, verdict) {
      verdicts[position] = verdict;
      judged += 1;
      if (verdict.kind === "killed") killed += 1;
      status?.write(ERASE);
      for (let next = verdicts[printed]; next !== undefined; next = verdicts[printed]) {
        print(verdictText(mutants[printed] as Mutant, next));
        printed += 1;
      }
      const others = judged - killed;
      show(`${judged}/${mutants.length}  ${killed} killed${others === 0 ? "" : `, ${others} not killed`}`);
    },
    end() {
      status?.write(ERASE);
      print(`${killed} killed, ${mutants.length - killed} not killed\n`);
      return killed === mutants.length;
    },
  };
}

function verdictText({ file, breaks }: Mutant, verdict: Verdict): string {
  const line = `${verdict.kind.padEnd(9)} ${file}  ${breaks}\n`;
  return "output" in verdict ? `${line}${verdict.output.trimEnd().replaceAll(/^/gm, "          ")}\n` : line;
}
