import type { Registry } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { EXIT, usageError } from "../errors.ts";
import { manifestOf, yamlText } from "../manifest/print.ts";
import type { OutputFormat } from "../output/format.ts";
import { resourceTable } from "../output/resource-table.ts";
import { createTable } from "../output/table.ts";
import type { Session } from "../session.ts";
import {
  checkedSelector,
  explicitTenancy,
  parseTarget,
  tenancyOfList,
  tenancyOfName,
  type TenancyOptions,
} from "../target.ts";
import type { KnownType } from "../types/known-type.ts";
import { type Change, watchChanges, type Watching } from "../watching.ts";
import {
  addCommand,
  type CommandContext,
  outputOption,
  withAllNamespacesOption,
  withTenancyOptions,
} from "./command-context.ts";

interface WatchOptions extends TenancyOptions {
  readonly output: OutputFormat;
  readonly selector?: string;
}

interface PrintOptions extends WatchOptions {
  readonly registry: Registry;
  /** The word that `name` output puts before the name. */
  readonly word: string;
}

type ResourceChange = Exclude<Change, { readonly event: "complete" }>;

/** The most resources that are gathered into the first table; the rest follow line by line. */
const MAX_FIRST_ROWS = 10_000;

/** `trellis watch`. */
export function addWatchCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "watch", {
    description: "show what is there, then every change, until Ctrl-C",
    examples: ["workload", "service/api -o json"],
  });
  withAllNamespacesOption(withTenancyOptions(command))
    .argument("<kind>", "KIND or KIND/NAME")
    .argument("[name]", "only this resource")
    .addOption(outputOption())
    .option("-l, --selector <terms>", "only resources whose metadata fits")
    .action((kind: string, name: string | undefined, options: WatchOptions) =>
      context.run(command, async (session) => {
        const catalog = await session.catalog();
        const target = parseTarget(catalog, kind, name);
        if (target.name !== undefined && options.selector !== undefined) {
          throw usageError("a selector chooses from many, and a name is given", "Leave out one of the two.");
        }
        const { type } = target;
        const units = target.name === undefined ? tenancyOfList(type, options) : tenancyOfName(type, options);
        const registry = await catalog.schemas([type]);
        const selector = checkedSelector(options.selector);
        const watching = {
          type,
          tenancy: explicitTenancy(type, units),
          name: target.name,
          selector,
        };
        await printChanges(session, watching, { ...options, registry, word: catalog.word(type) });
        return EXIT.ok;
      }),
    );
}

async function printChanges(session: Session, watching: Watching, options: PrintOptions): Promise<void> {
  const { stdout, signal, readerGone } = session.environment;
  const print = changePrinter(session, watching.type, options);
  // The first table is aligned by all its rows, so they are gathered until everything that was there has come.
  let first: ResourceChange[] | undefined = [];
  for await (const change of watchChanges(session, watching, AbortSignal.any([signal, readerGone]))) {
    if (change.event !== "complete") {
      if (first === undefined) stdout(print([change]));
      else first.push(change);
    }
    if (first !== undefined && (change.event === "complete" || first.length === MAX_FIRST_ROWS)) {
      stdout(print(first));
      first = undefined;
    }
  }
}

function changePrinter(
  session: Session,
  type: KnownType,
  options: PrintOptions,
): (changes: readonly ResourceChange[]) => string {
  const { output, registry, word } = options;
  const { clock, colour } = session.environment;
  const each = (print: (change: ResourceChange) => string) => (changes: readonly ResourceChange[]) =>
    changes.map(print).join("");
  if (output === "json")
    return each(
      ({ event, resource }) => `${JSON.stringify({ event, resource: manifestOf(resource, registry) })}\n`,
    );
  if (output === "yaml")
    return each(({ event, resource }) => `# ${event}\n${yamlText(manifestOf(resource, registry))}---\n`);
  if (output === "name")
    return each(({ event, resource }) => `${word}/${resource.id?.name ?? ""} ${event}\n`);
  const tableAt = (nowMs: number) =>
    resourceTable(type, registry, {
      wide: output === "wide",
      tenancy: options.allNamespaces === true,
      nowMs,
    });
  const [name = "NAME", ...headers] = tableAt(0).headers;
  // As wide as any event, so that the columns stand still.
  const table = createTable([name, "EVENT  ", ...headers], colour);
  return (changes) => {
    const shape = tableAt(clock.now());
    return table.rows(
      changes.map(({ event, resource }) => {
        const [first = "", ...cells] = shape.row(resource);
        return [first, event, ...cells];
      }),
    );
  };
}
