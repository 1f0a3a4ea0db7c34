import type { Registry } from "@bufbuild/protobuf";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DELETION_TIMESTAMP_KEY, FINALIZERS_KEY, finalizersOf, isUlid } from "@trellis/resource";
import { decodeTime } from "ulid";

import { labelOfId } from "../manifest/load.ts";
import { manifestOf, yamlText } from "../manifest/print.ts";
import { ageOf, durationText } from "../output/age.ts";
import { createPaint, type Paint } from "../output/paint.ts";
import { printable } from "../output/printable.ts";
import { pad, widthOf } from "../output/table.ts";
import { clip } from "../output/wrap.ts";
import type { Owned } from "../owned.ts";
import { readinessOf } from "../readiness.ts";
import type { KnownType } from "../types/known-type.ts";
import type { TypeCatalog } from "../types/type-catalog.ts";
import { conditionLines } from "./conditions.ts";

/** What is known of a resource. */
export interface Described {
  readonly type: KnownType;
  readonly resource: Resource;
  readonly owned: Owned;
}

/** What a description needs beside the resource. */
export interface DescribeOptions {
  readonly catalog: TypeCatalog;
  readonly registry: Registry;
  readonly nowMs: number;
  readonly colour: boolean;
  /** The width of the terminal; undefined for none, where nothing is cut. */
  readonly columns: number | undefined;
}

/** How much of the data is shown, in lines. */
const DATA_LINES = 24;

/** A resource as people want to see it: how it is, what it is, its conditions, what it owns, the beginning of its data. */
export function describeText(described: Described, options: DescribeOptions): string {
  const { type, resource } = described;
  const { columns, nowMs } = options;
  const paint = createPaint(options.colour);
  const label = labelOfId(resource.id, options.catalog);
  const conditions = conditionLines(resource, {
    nowMs,
    paint,
    columns: columns === undefined ? undefined : columns - INDENT.length,
  });
  const sections = [
    ["Conditions", conditions],
    ["Owns", ownedLines(described.owned, label, options, paint)],
    ["Data", dataLines(resource, options.registry, paint)],
  ] as const;
  const body = sections
    .filter(([, lines]) => lines.length > 0)
    .map(
      ([title, lines]) => `\n${paint.header(title)}\n${lines.map((line) => `${INDENT}${line}\n`).join("")}`,
    );
  return `${titleLine(resource, label, paint)}\n\n${facts(type, resource, options, paint)}${body.join("")}`;
}

const INDENT = "  ";

function titleLine(resource: Resource, label: string, paint: Paint): string {
  const readiness = readinessOf(resource);
  const title = paint.header(printable(label));
  return readiness === undefined
    ? title
    : `${title}  ${paint[readiness.tone](printable(`● ${readiness.text}`))}`;
}

function facts(type: KnownType, resource: Resource, options: DescribeOptions, paint: Paint): string {
  const { id, owner, version, generation } = resource;
  const { partition = "", namespace = "" } = id?.tenancy ?? {};
  const rows: readonly (readonly [string, string])[] = [
    ["Type", type.gvk],
    ["Namespace", namespace],
    ["Partition", partition],
    ["Owner", owner === undefined ? "" : labelOfId(owner, options.catalog)],
    ...metadataRows(resource),
    ["Age", ageText(id?.uid ?? "", options.nowMs)],
    deletionRow(resource, options.nowMs),
    ["UID", id?.uid ?? ""],
    ["Version", version],
    ["Generation", generation],
  ];
  const shown = rows.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => widthOf(name)));
  const room = (options.columns ?? Number.POSITIVE_INFINITY) - width - 2;
  return shown
    .map(([name, value]) => `${paint.quiet(pad(name, width))}  ${clip(printable(value), room)}\n`)
    .join("");
}

/** A line for each key; those of the service are told as what they mean. */
function metadataRows({ metadata }: Resource): readonly (readonly [string, string])[] {
  return Object.entries(metadata)
    .filter(([key]) => key !== FINALIZERS_KEY && key !== DELETION_TIMESTAMP_KEY)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value], index) => [index === 0 ? "Metadata" : BLANK_NAME, `${key}=${value}`] as const);
}

/** A row that goes on with the one above. */
const BLANK_NAME = " ";

function ageText(uid: string, nowMs: number): string {
  return isUlid(uid) ? `${ageOf(uid, nowMs)}, since ${new Date(decodeTime(uid)).toISOString()}` : "";
}

/** Who has something to do before the resource can go; since when that is waited for, once it is to go. */
function deletionRow({ metadata }: Resource, nowMs: number): readonly [string, string] {
  const names = [...finalizersOf(metadata)].join(", ");
  const since = Date.parse(metadata[DELETION_TIMESTAMP_KEY] ?? "");
  if (Number.isNaN(since)) return ["Finalizers", names];
  return [
    "Deletion",
    `asked for ${durationText(Math.max(0, nowMs - since))} ago, held by ${names || "nothing"}`,
  ];
}

function ownedLines(
  { resources, more }: Owned,
  label: string,
  options: DescribeOptions,
  paint: Paint,
): readonly string[] {
  const labels = resources.map(({ id }) => printable(labelOfId(id, options.catalog)));
  const width = Math.max(0, ...labels.map(widthOf));
  const lines = resources.map((resource, index) => {
    const start = `${pad(labels[index] ?? "", width)}  ${pad(ageOf(resource.id?.uid ?? "", options.nowMs), AGE_WIDTH)}`;
    const readiness = readinessOf(resource);
    if (readiness === undefined) return start.trimEnd();
    const room = (options.columns ?? Number.POSITIVE_INFINITY) - INDENT.length - widthOf(start) - 2;
    return `${start}  ${paint[readiness.tone](clip(printable(`● ${readiness.text}`), Math.max(MIN_TEXT_WIDTH, room)))}`;
  });
  return more ? [...lines, paint.quiet(`… and more; see "trellis tree ${label}"`)] : lines;
}

/** The longest age, `119m`. */
const AGE_WIDTH = 4;
const MIN_TEXT_WIDTH = 12;

/** The payload as a manifest has it, its beginning only. */
function dataLines(resource: Resource, registry: Registry, paint: Paint): readonly string[] {
  const { data } = manifestOf(resource, registry);
  if (data === undefined || JSON.stringify(data) === "{}") return [];
  const lines = yamlText(data).trimEnd().split("\n").map(printable);
  if (lines.length <= DATA_LINES) return lines;
  const kept = lines.slice(0, DATA_LINES - 1);
  return [
    ...kept,
    paint.quiet(`… ${lines.length - kept.length} more lines; "trellis get" with -o yaml shows them`),
  ];
}
