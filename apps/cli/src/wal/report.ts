import type { IndexRange, LogSummary, SegmentSummary } from "@trellis/wal";

import { createPaint } from "../output/paint.ts";
import { pad, tableText, widthOf } from "../output/table.ts";
import { readHardState } from "./hard-state.ts";

/** A log as people read it. `directory` is shown as it was given. */
export function logText(summary: LogSummary, directory: string, colour: boolean): string {
  const { logId, indexes, snapshot, records, spareFiles, segments } = summary;
  const spares = spareFiles.length === 0 ? "" : `, ${counted(spareFiles.length, "spare file")}`;
  const facts = [
    ["Log", `${logId ?? "unknown"} in ${directory}`],
    ["State", stateText(summary, colour)],
    ["Entries", rangeText(indexes)],
    ["Hard state", hardStateText(summary.hardState)],
    ["Snapshot", snapshot === undefined ? "-" : `of entry ${snapshot.index} in term ${snapshot.term}`],
    ["Files", `${counted(segments.length, "segment")}, ${counted(records, "record")}${spares}`],
  ];
  const width = Math.max(...facts.map(([name = ""]) => widthOf(name)));
  const { quiet } = createPaint(colour);
  const lines = facts.map(([name = "", fact = ""]) => `${quiet(pad(name, width))}  ${fact}\n`);
  const table = segments.length === 0 ? "" : `\n${segmentsTable(segments, colour)}`;
  return `${lines.join("")}${table}${tornTailText(summary)}`;
}

function stateText({ damage, tornTail, isClosed }: LogSummary, colour: boolean): string {
  const { good, warning, bad } = createPaint(colour);
  if (damage?.code === "unsupported-format") return bad("○ of another format");
  if (damage !== undefined) return `${bad("○ damaged")}; what follows is of what comes before the damage`;
  if (tornTail !== undefined) return warning("● whole, with a torn tail");
  return good(isClosed ? "● whole, closed" : "● whole");
}

function segmentsTable(segments: readonly SegmentSummary[], colour: boolean): string {
  const headers = ["SEGMENT", "STATE", "ENTRIES", "TERMS", "RECORDS", "BYTES", "USED", "SYNCED"];
  const rows = segments.map((segment) => {
    const { file, state, indexes, terms, records, bytes, usedBytes, syncedBytes } = segment;
    if (state === "unread") return [file, state, "-", "-", "-", String(bytes), "-", "-"];
    const counts = [records, bytes, usedBytes, syncedBytes].map(String);
    return [file, state, rangeText(indexes), rangeText(terms), ...counts];
  });
  return tableText(headers, rows, colour);
}

function tornTailText({ tornTail }: LogSummary): string {
  if (tornTail === undefined) return "";
  const { file, offset, bytes } = tornTail;
  return (
    `\n${file} has ${bytes} bytes at byte ${offset} that belong to no whole record: a write that was interrupted,\n` +
    `or one that a process is just doing. They were never acknowledged, and the next start takes them away.\n`
  );
}

function hardStateText(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "-";
  const found = readHardState(bytes);
  if (found === undefined) return `${counted(bytes.length, "byte")}: ${shortHex(bytes)}`;
  const vote = found.vote === 0 ? "no vote" : `vote for ${found.vote}`;
  return `term ${found.term}, ${vote}, commit ${found.commit}`;
}

/** As much of a hard state as the text shows, in bytes; JSON has it all. */
const SHOWN_BYTES = 32;

function shortHex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString("hex");
  return bytes.length > SHOWN_BYTES ? `${shown}…` : shown;
}

function rangeText(range: IndexRange | undefined): string {
  if (range === undefined) return "-";
  return range.from === range.to ? String(range.from) : `${range.from}–${range.to}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A log as programs read it: the same, with every byte of the hard state, and the damage. */
export function logJson(summary: LogSummary, directory: string): string {
  const { logId, isClosed, indexes, hardState, snapshot, records, segments } = summary;
  const { spareFiles, tornTail, damage } = summary;
  const value = {
    directory,
    logId,
    state: damage === undefined ? (tornTail === undefined ? "whole" : "torn") : damage.code,
    isClosed,
    entries: indexes,
    hardState:
      hardState === undefined
        ? undefined
        : { hex: Buffer.from(hardState).toString("hex"), ...readHardState(hardState) },
    snapshot,
    records,
    segments: segments.map(({ indexes: entriesHere, entries, ...segment }) => ({
      ...segment,
      entries,
      indexes: entriesHere,
    })),
    spareFiles,
    tornTail,
    damage:
      damage === undefined
        ? undefined
        : { code: damage.code, file: damage.file, offset: damage.offset, message: damage.message },
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
