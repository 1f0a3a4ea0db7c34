import type { Fault } from "../manifest/load.ts";
import { printable } from "../output/printable.ts";

/** The most errors that stand at the top of a file. */
const SHOWN_FAULTS = 20;

/** The file to edit: a head of comments that says what it is, and what was wrong the last time, then the manifest. */
export function draftText(about: string, body: string, faults: readonly Fault[]): string {
  const shown = faults.slice(0, SHOWN_FAULTS);
  const left = faults.length - shown.length;
  const explanation = [
    `${about}`,
    "Save and close to write it. Left as it is, or emptied, it changes nothing.",
  ];
  const head = (lines: readonly string[]) => [...explanation, ...lines].map((line) => `# ${line}`.trimEnd());
  const errors = (firstLine: number) =>
    shown.length === 0
      ? []
      : [
          "",
          "It was not written:",
          ...shown.map(({ place, message }) => `  line ${place.line + firstLine}: ${printable(message)}`),
          ...(left > 0 ? [`  and ${left} more`] : []),
        ];
  // The errors' lines are those of the file, which the errors themselves make longer.
  const lines = head(errors(head(errors(0)).length + SEPARATOR_LINES));
  return `${lines.join("\n")}\n#\n${body}`;
}

/** The `#` between head and manifest. */
const SEPARATOR_LINES = 1;

/** The manifest without the comments at the file's top. */
export function bodyOf(text: string): string {
  return text.replace(/^(#.*(\r?\n|$))+/, "");
}
