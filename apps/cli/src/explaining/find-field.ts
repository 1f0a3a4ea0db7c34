import type { DescField, DescMessage, Registry } from "@bufbuild/protobuf";

import { CliError, usageError } from "../errors.ts";
import { parsePath, type Step } from "../manifest/field-path.ts";
import type { KnownType } from "../types/known-type.ts";
import { alternatives, nearest } from "../types/nearest.ts";
import type { TypeCatalog } from "../types/type-catalog.ts";
import { messageOf, typeText } from "./type-text.ts";

/** A type and the path of a field below it, as somebody wrote them. */
export interface ExplainTarget {
  readonly type: KnownType;
  readonly steps: readonly Step[];
}

/** What is explained: a message, by itself or as a field, or a field that has no fields. */
export interface Explained {
  /** The fields on the way; none for the type itself. */
  readonly path: readonly DescField[];
  /** Undefined for a field without fields. */
  readonly message: DescMessage | undefined;
}

/** Reads `KIND`, `KIND.field.path` or `group.version.Kind.field.path`. Throws a usage error. */
export function parseExplainTarget(catalog: TypeCatalog, text: string): ExplainTarget {
  const lower = text.toLowerCase();
  const full = catalog.types.find(({ gvk }) => `${lower}.`.startsWith(`${gvk.toLowerCase()}.`));
  // A mistyped full name must be told as one.
  const looksFull = /^[^.]+\.v\d\w*\.[^.]+/i.exec(text)?.[0];
  const word = full?.gvk ?? looksFull ?? /^[^.[]*/.exec(text)?.[0] ?? "";
  const type = full ?? catalog.resolve(word);
  const rest = text.slice(word.length);
  const steps = rest === "" ? [] : parsePath(rest.replace(/^\./, ""));
  if (steps === undefined)
    throw usageError(`"${rest}" is not the path of a field`, "Write KIND.field.field, as in service.ports.");
  return { type, steps };
}

/** Finds a field from the payload's message down. Lists and maps are entered by themselves, with or without an index. Throws a usage error. */
export function findField({ type, steps }: ExplainTarget, registry: Registry): Explained {
  const root = registry.getMessage(type.messageName);
  if (root === undefined) throw new CliError(`the server sent no schema of ${type.messageName}`);
  let message: DescMessage | undefined = root;
  const path: DescField[] = [];
  for (const [index, step] of steps.entries()) {
    if (!("field" in step)) continue;
    if (message === undefined) throw withoutFields(type, path, step.field);
    const field = fieldNamed(message, step.field);
    if (field === undefined) {
      // `data` stands before the payload's fields in manifests.
      if (index === 0 && step.field === "data") continue;
      throw unknownField(type, path, message, step.field);
    }
    path.push(field);
    message = messageOf(field);
  }
  return { path, message };
}

/** A path as manifests write it: `service.ports.targetPort`. */
export function explainedName(word: string, path: readonly DescField[]): string {
  return [word, ...path.map(({ jsonName }) => jsonName)].join(".");
}

function fieldNamed({ fields }: DescMessage, name: string): DescField | undefined {
  return fields.find((field) => field.jsonName === name || field.name === name);
}

function unknownField(type: KnownType, path: readonly DescField[], message: DescMessage, name: string) {
  const names = message.fields.map(({ jsonName }) => jsonName);
  const close = nearest(name, names);
  const guess = close.length === 0 ? "" : `Did you mean ${alternatives(close)}? `;
  const has = names.length === 0 ? "It has no fields." : `It has ${names.join(", ")}.`;
  return usageError(`${explainedName(type.kind, path)} has no field "${name}"`, `${guess}${has}`);
}

function withoutFields(type: KnownType, path: readonly DescField[], name: string) {
  const last = path.at(-1);
  const what = last === undefined ? "value" : typeText(last);
  return usageError(
    `${explainedName(type.kind, path)} has no field "${name}"`,
    `It is of the type ${what}, which has no fields.`,
  );
}
