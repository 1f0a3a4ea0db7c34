import type { Command } from "commander";

import { EXIT } from "../errors.ts";
import { findField, parseExplainTarget } from "../explaining/find-field.ts";
import { explainText } from "../explaining/page.ts";
import { pageWidth } from "../output/wrap.ts";
import { addCommand, type CommandContext } from "./command-context.ts";

/** `trellis explain`. */
export function addExplainCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "explain", {
    description: "show what a type or a field means, and what it may be",
    examples: ["service", "service.ports.targetPort", "catalog.v1.Service.workloads"],
  });
  command.argument("<kind>", "KIND or KIND.field.path; lists and maps are gone into").action((text: string) =>
    context.run(command, async (session) => {
      const catalog = await session.catalog();
      const target = parseExplainTarget(catalog, text);
      const registry = await catalog.schemas([target.type]);
      const explained = findField(target, registry);
      const { stdout, colour, columns } = session.environment;
      stdout(
        explainText(explained, {
          type: target.type,
          word: catalog.word(target.type),
          registry,
          width: pageWidth(columns),
          colour,
        }),
      );
      return EXIT.ok;
    }),
  );
}
