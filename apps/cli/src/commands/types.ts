import type { Command } from "commander";
import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";

import { EXIT } from "../errors.ts";
import { yamlText } from "../manifest/print.ts";
import type { OutputFormat } from "../output/format.ts";
import { tableText } from "../output/table.ts";
import type { KnownType } from "../types/known-type.ts";
import { addCommand, type CommandContext, outputOption } from "./command-context.ts";

/** `trellis types`. */
export function addTypesCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "types", {
    description: "list the types that the server knows",
    examples: ["", "-o wide"],
  });
  command.addOption(outputOption()).action(({ output }: { output: OutputFormat }) =>
    context.run(command, async (session) => {
      const { types } = await session.catalog();
      session.environment.stdout(typesText(types, output, session.environment.colour));
      return EXIT.ok;
    }),
  );
}

function typesText(types: readonly KnownType[], output: OutputFormat, colour: boolean): string {
  if (output === "name") return types.map(({ gvk }) => `${gvk}\n`).join("");
  if (output === "json") return `${JSON.stringify(types.map(typeValue), undefined, 2)}\n`;
  if (output === "yaml") return types.map((type) => yamlText(typeValue(type))).join("---\n");
  const wide = output === "wide";
  const headers = ["KIND", "TYPE", "SCOPE", "SHORT", ...(wide ? ["MESSAGE"] : []), "DESCRIPTION"];
  const rows = types.map(({ kind, gvk, scope, shortNames, messageName, description }) => [
    kind,
    gvk,
    scopeText(scope),
    shortNames.join(",") || "-",
    ...(wide ? [messageName] : []),
    wide ? description : firstSentence(description),
  ]);
  return tableText(headers, rows, colour);
}

function typeValue({ gvk, scope, messageName, shortNames, description }: KnownType) {
  return {
    type: gvk,
    scope: scopeText(scope),
    message: messageName,
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(description === "" ? {} : { description }),
  };
}

const SCOPES: Readonly<Record<number, string>> = {
  [Scope.CLUSTER]: "cluster",
  [Scope.PARTITION]: "partition",
  [Scope.NAMESPACE]: "namespace",
};

function scopeText(scope: Scope): string {
  return SCOPES[scope] ?? "none";
}

/** How much of a description the table shows, in characters. */
const SHOWN_CHARACTERS = 60;

function firstSentence(description: string): string {
  const sentence = /^.*?\.(?=\s|$)/s.exec(description)?.[0] ?? description;
  return sentence.length <= SHOWN_CHARACTERS
    ? sentence
    : `${sentence.slice(0, SHOWN_CHARACTERS - 1).trimEnd()}…`;
}
