import type { DescEnum, DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";

import { createPaint, type Paint } from "../output/paint.ts";
import { printable } from "../output/printable.ts";
import { pad, widthOf } from "../output/table.ts";
import { wrap } from "../output/wrap.ts";
import type { KnownType } from "../types/known-type.ts";
import { commentOf } from "./comments.ts";
import { type Explained, explainedName } from "./find-field.ts";
import { fieldRules, messageRules } from "./rules.ts";
import { enumOf, typeText } from "./type-text.ts";

/** What a page needs beside what it explains. */
export interface PageOptions {
  readonly type: KnownType;
  /** The shortest word that names the type. */
  readonly word: string;
  readonly registry: Registry;
  /** The width to lay out for, in columns. */
  readonly width: number;
  readonly colour: boolean;
}

interface Layout extends PageOptions {
  readonly paint: Paint;
}

const INDENT = "  ";
const DEEP_INDENT = "      ";

/** The documentation of a type or of one of its fields, from the comments and rules of the server's schema. */
export function explainText({ path, message }: Explained, options: PageOptions): string {
  const layout = { ...options, paint: createPaint(options.colour) };
  const field = path.at(-1);
  const enumeration = field === undefined ? undefined : enumOf(field);
  const blocks = [
    [titleLine(path, layout)],
    ...(field === undefined ? typeBlocks(layout) : fieldBlocks(field, layout)),
    ...(message === undefined ? [] : messageBlocks(message, field, layout)),
    ...(enumeration === undefined ? [] : [valueLines(enumeration, layout)]),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line.trimEnd()}\n`).join(""))
    .join("\n");
}

function titleLine(path: readonly DescField[], { type, word, paint }: Layout): string {
  const field = path.at(-1);
  return field === undefined
    ? `${paint.header(type.kind)}  ${paint.accent(type.gvk)}`
    : `${paint.header(explainedName(word, path))}  ${paint.accent(typeText(field))}`;
}

function typeBlocks({ type }: Layout): readonly (readonly string[])[] {
  const names = type.shortNames.length === 0 ? "" : ` Short: ${type.shortNames.join(", ")}.`;
  return [[`${INDENT}${SCOPES[type.scope] ?? "Not bound to a tenancy."}${names}`]];
}

const SCOPES: Readonly<Record<number, string>> = {
  [Scope.CLUSTER]: "One for the whole cluster.",
  [Scope.PARTITION]: "Lives in a partition.",
  [Scope.NAMESPACE]: "Lives in a namespace.",
};

function fieldBlocks(field: DescField, layout: Layout): readonly (readonly string[])[] {
  return [
    paragraph(commentOf(field), INDENT, layout),
    ruleLines([...oneofRule(field), ...fieldRules(field, layout.registry)], layout),
  ];
}

function messageBlocks(
  message: DescMessage,
  field: DescField | undefined,
  layout: Layout,
): readonly (readonly string[])[] {
  const { paint } = layout;
  const rules = ruleLines(messageRules(message, layout.registry), layout);
  const about = paragraph(commentOf(message), INDENT, layout);
  const named = field === undefined ? [] : [paint.header(message.name)];
  return [about.length === 0 ? [] : [...named, ...about], rules, fieldLines(message, layout)];
}

function fieldLines({ fields }: DescMessage, layout: Layout): readonly string[] {
  const { paint } = layout;
  if (fields.length === 0) return [`${INDENT}It has no fields.`];
  const width = Math.max(...fields.map(({ jsonName }) => widthOf(jsonName)));
  const lines = fields.flatMap((field) => [
    `${INDENT}${paint.header(pad(field.jsonName, width))}  ${paint.accent(typeText(field))}`,
    ...paragraph(commentOf(field), DEEP_INDENT, layout),
    ...[...oneofRule(field), ...fieldRules(field, layout.registry)].flatMap((rule) =>
      bullet(rule, DEEP_INDENT, layout),
    ),
  ]);
  return [paint.header("Fields"), ...lines];
}

function valueLines(enumeration: DescEnum, layout: Layout): readonly string[] {
  const { paint } = layout;
  return [
    paint.header("Values"),
    ...enumeration.values.flatMap((value) => [
      `${INDENT}${paint.accent(value.name)}`,
      ...paragraph(commentOf(value), DEEP_INDENT, layout),
    ]),
  ];
}

function oneofRule({ oneof }: DescField): readonly string[] {
  // An optional field is a oneof of its own to the compiler.
  if (oneof === undefined || oneof.fields.length < 2) return [];
  return [`only one of ${oneof.fields.map(({ jsonName }) => jsonName).join(", ")}`];
}

function ruleLines(rules: readonly string[], layout: Layout): readonly string[] {
  if (rules.length === 0) return [];
  return [layout.paint.header("Rules"), ...rules.flatMap((rule) => bullet(rule, INDENT, layout))];
}

function bullet(text: string, indent: string, { width, paint }: Layout): readonly string[] {
  const lines = wrap(printable(text), width - indent.length - 2);
  return lines.map((line, index) => `${indent}${index === 0 ? paint.quiet("•") : " "} ${line}`);
}

function paragraph(text: string, indent: string, { width }: Layout): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n").map(printable);
  return lines.flatMap((line) => wrap(line, width - indent.length)).map((line) => `${indent}${line}`);
}
