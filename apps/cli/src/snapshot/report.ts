import type { CliError } from "../errors.ts";
import { createPaint } from "../output/paint.ts";
import { pad, tableText, widthOf } from "../output/table.ts";
import type { RestoredFile } from "./restore-file.ts";
import type { VerifiedFile } from "./verify-file.ts";

type Facts = readonly (readonly [string, string])[];

/** What a snapshot holds, as people read it. */
export function snapshotText(snapshot: VerifiedFile, colour: boolean): string {
  const { file } = snapshot;
  return text(
    [
      ["Snapshot", file],
      ["State", createPaint(colour).good("● whole")],
    ],
    snapshot,
    colour,
  );
}

/** The same of one that was just saved. */
export function savedText(snapshot: VerifiedFile, colour: boolean): string {
  return text([["Saved", createPaint(colour).good(`● ${snapshot.file}`)]], snapshot, colour);
}

function text(head: Facts, snapshot: VerifiedFile, colour: boolean): string {
  const { clusterId, storeId, version, members, sessions, records, bytes, recordsByType } = snapshot;
  const facts: Facts = [
    ...head,
    ["Cluster", `${clusterId}, ${counted(members, "member")}`],
    ["Store", `${storeId} at version ${version}`],
    ["Sessions", String(sessions)],
    ["Bytes", String(bytes)],
    ["Resources", String(records)],
  ];
  const types = [...recordsByType].map(([type, count]) => [type, String(count)]);
  const table = types.length === 0 ? "" : `\n${tableText(["TYPE", "RESOURCES"], types, colour)}`;
  return `${factsText(facts, colour)}${table}`;
}

/** What was restored, and how it goes on. */
export function restoredText(restored: RestoredFile, colour: boolean): string {
  const { file, directory, path, clusterId, storeId, version, records } = restored;
  const paint = createPaint(colour);
  const facts: Facts = [
    ["Restored", paint.good(`● ${file} into ${directory}`)],
    ["Cluster", `${clusterId}, new`],
    ["Store", `${storeId}, new, from version ${version} on`],
    ["Resources", String(records)],
  ];
  const alone = paint.accent(`npm start -- --data-dir ${quoted(path)}`);
  const member = paint.accent(
    `trellis-storage-node --data-dir ${quoted(path)} --name NAME --listen HOST:PORT`,
  );
  return `${factsText(facts, colour)}\nStart it with\n\n  ${alone}\n\nor as the first node of a cluster with\n\n  ${member}\n`;
}

/** A snapshot as programs read it. */
export function snapshotJson(snapshot: VerifiedFile): string {
  const { file, clusterId, storeId, version, term, members, sessions, records, bytes, recordsByType } =
    snapshot;
  return json({
    file,
    state: "whole",
    clusterId,
    storeId,
    version,
    term,
    members,
    sessions,
    bytes,
    resources: records,
    resourcesByType: Object.fromEntries(recordsByType),
  });
}

/** A file that is no whole snapshot, as programs read it. */
export function damagedJson(file: string, { message }: CliError): string {
  return json({ file, state: "damaged", message });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function factsText(facts: Facts, colour: boolean): string {
  const width = Math.max(...facts.map(([name]) => widthOf(name)));
  const { quiet } = createPaint(colour);
  return facts.map(([name, fact]) => `${quiet(pad(name, width))}  ${fact}\n`).join("");
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
