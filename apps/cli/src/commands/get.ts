import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import { DEFAULT_NAMESPACE, errorReason } from "@trellis/resource";
import type { Command } from "commander";

import { CliError, EXIT, usageError } from "../errors.ts";
import { listAll } from "../listing.ts";
import { type FormatOptions, type OutputFormat, resourcesText, resourceText } from "../output/format.ts";
import type { Session } from "../session.ts";
import {
  checkedSelector,
  parseTarget,
  type Target,
  tenancyOfList,
  tenancyOfName,
  type TenancyOptions,
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
    examples: ["service", "service/api -o yaml", "workload -n shop -l team=web,!canary"],
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
  const { group, groupVersion, kind } = type;
  const id = { type: { group, groupVersion, kind }, name, tenancy: tenancyOfName(type, options) };
  const { resource } = await session.connection.client.resources
    .read({ id }, session.callOptions)
    .catch(async (error: unknown) => {
      throw errorReason(error) === "RESOURCE_NOT_FOUND"
        ? await notThere(session, type, name, options)
        : error;
    });
  if (resource === undefined)
    throw new CliError(`${session.connection.server} answered without the resource`);
  session.environment.stdout(
    resourceText(resource, options.output, await formatOptions(session, type, options)),
  );
}

async function notThere(
  session: Session,
  type: Target["type"],
  name: string,
  options: GetOptions,
): Promise<CliError> {
  const word = (await session.catalog()).word(type);
  const elsewhere = type.scope === Scope.NAMESPACE ? `, or "trellis get ${word} -A"` : "";
  return new CliError(`${word}/${name} is not there${whereText(type, options)}`, {
    hint: `See "trellis get ${word}"${elsewhere}.`,
  });
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

/** Where was looked, as the end of a sentence. */
function whereText({ scope }: Target["type"], { allNamespaces, namespace, partition }: GetOptions): string {
  if (scope === Scope.CLUSTER) return "";
  const inPartition = partition === undefined ? "" : ` in partition ${partition}`;
  if (scope !== Scope.NAMESPACE || allNamespaces === true) return inPartition;
  return ` in namespace ${namespace ?? DEFAULT_NAMESPACE}${inPartition === "" ? "" : ` of${inPartition.slice(3)}`}`;
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
