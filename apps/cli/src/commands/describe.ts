import type { Command } from "commander";

import { describeText } from "../describing/describe.ts";
import { EXIT } from "../errors.ts";
import { listOwned } from "../owned.ts";
import { readNamed } from "../reading-one.ts";
import { parseNamedTarget, type TenancyOptions } from "../target.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";

/** How many of the resources that it owns are named. */
const SHOWN_OWNED = 20;

/** `trellis describe`. */
export function addDescribeCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "describe", {
    description: "show what matters of a resource: how it is, whose it is, what it owns",
    examples: ["service/api", "workload api-1 -n shop"],
  });
  withTenancyOptions(command)
    .argument("<kind>", "KIND/NAME, or KIND and the name after it")
    .argument("[name]", "the resource, unless it stands after the /")
    .action((kind: string, name: string | undefined, options: TenancyOptions) =>
      context.run(command, async (session) => {
        const catalog = await session.catalog();
        const target = parseNamedTarget(catalog, kind, name);
        const resource = await readNamed(session, target.type, target.name, options);
        const none = { resources: [], more: false };
        const owned = resource.id === undefined ? none : await listOwned(session, resource.id, SHOWN_OWNED);
        const registry = await catalog.schemas([target.type]);
        const { stdout, clock, colour, columns } = session.environment;
        stdout(
          describeText(
            { type: target.type, resource, owned },
            { catalog, registry, nowMs: clock.now(), colour, columns },
          ),
        );
        return EXIT.ok;
      }),
    );
}
