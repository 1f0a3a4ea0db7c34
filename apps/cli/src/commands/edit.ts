import type { Command } from "commander";

import { editResource } from "../editing/edit-resource.ts";
import { CliError, EXIT } from "../errors.ts";
import { labelOf } from "../manifest/load.ts";
import { createReport } from "../output/report.ts";
import { readNamed } from "../reading-one.ts";
import type { Session } from "../session.ts";
import { parseNamedTarget, type TenancyOptions } from "../target.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";

/** `trellis edit`. */
export function addEditCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "edit", {
    description: "change a resource in your editor, the one that VISUAL or EDITOR names",
    examples: ["service/api", "workload api-1 -n shop"],
  });
  withTenancyOptions(command)
    .argument("<kind>", "KIND/NAME, or KIND and the name after it")
    .argument("[name]", "the resource, unless it stands after the /")
    .action((kind: string, name: string | undefined, options: TenancyOptions) =>
      context.run(command, (session) => edit(session, kind, name, options)),
    );
}

async function edit(
  session: Session,
  kind: string,
  name: string | undefined,
  options: TenancyOptions,
): Promise<number> {
  const { editor, colour, stdout } = session.environment;
  if (editor === undefined)
    throw new CliError("no editor is named", { hint: "Set VISUAL or EDITOR, as in EDITOR=vi." });
  const catalog = await session.catalog();
  const { type, name: found } = parseNamedTarget(catalog, kind, name);
  const original = await readNamed(session, type, found, options);
  const registry = await catalog.schemas([type]);
  const label = labelOf({ type, resource: original }, catalog);
  const fileName = `${type.kind.toLowerCase()}-${found.replaceAll(/[^\w.-]/g, "_")}.yaml`;
  const outcome = await editResource(session, { catalog, registry, original, editor, label, fileName });
  const note = outcome === "unchanged" ? "nothing was written" : "";
  createReport([label], { colour, dryRun: false, print: stdout }).done(label, outcome, note);
  return EXIT.ok;
}
