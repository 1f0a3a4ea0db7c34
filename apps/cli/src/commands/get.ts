import type { Command } from "commander";

import { EXIT, usageError } from "../errors.ts";
import { listAll } from "../listing.ts";
import { readNamed } from "../reading-one.ts";
import { type FormatOptions, type OutputFormat, resourcesText, resourceText } from "../output/format.ts";
import type { Session } from "../session.ts";
import {
  checkedSelector,
  parseTarget,
  type Target,
  tenancyOfList,
  type TenancyOptions,
  whereText,
} from "../target.ts";
import {
  addCommand,
  type CommandContext,
  outputOption,
  withAllNamespacesOption,
  withTenancyOptions,
} from "./command-context.ts";

interface GetOptions extends TenancyOptions {
  readonly output: OutputFormat;
  readonly selector?: string;
}

/** `trellis get`. */
export function addGetCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "get", {
    description: "show the resources of a type, or one of them",
    examples: ["service", "service/api -o yaml", "workload -n shop -l 'team=web,!canary'"],
  });
  withAllNamespacesOption(withTenancyOptions(command))
    .argument("<kind>", "KIND or KIND/NAME; a short name, a plural, or group.version.Kind")
    .argument("[name]", "only this resource")
    .addOption(outputOption())
    .option("-l, --selector <terms>", "only resources whose metadata fits: a=b,c!=d,e in (x,y),f,!g")
    .action((kind: string, name: string | undefined, options: GetOptions) =>
      context.run(command, async (session) => {
        const target = parseTarget(await session.catalog(), kind, name);
        await (target.name === undefined
          ? getList(session, target, options)
          : getOne(session, target, target.name, options));
        return EXIT.ok;
      }),
    );
}

async function getOne(session: Session, { type }: Target, name: string, options: GetOptions): Promise<void> {
  if (options.selector !== undefined)
    throw usageError("a selector chooses from a list, and a name is given", "Leave out one of the two.");
  const resource = await readNamed(session, type, name, options);
  session.environment.stdout(
    resourceText(resource, options.output, await formatOptions(session, type, options)),
  );
}

async function getList(session: Session, { type }: Target, options: GetOptions): Promise<void> {
  const { environment } = session;
  const tenancy = tenancyOfList(type, options);
  const resources = await listAll(session, { type, tenancy, selector: checkedSelector(options.selector) });
  if (resources.length === 0 && (options.output === "table" || options.output === "wide")) {
    const fits = options.selector === undefined ? "" : " that fits the selector";
    environment.stderr(`No ${type.kind}${fits}${whereText(type, options)}.\n`);
    return;
  }
  environment.stdout(resourcesText(resources, options.output, await formatOptions(session, type, options)));
}

async function formatOptions(
  session: Session,
  type: Target["type"],
  options: GetOptions,
): Promise<FormatOptions> {
  const { environment } = session;
  const catalog = await session.catalog();
  return {
    type,
    word: catalog.word(type),
    registry: await catalog.schemas([type]),
    tenancy: options.allNamespaces === true,
    nowMs: environment.clock.now(),
    colour: environment.colour,
  };
}
