import type { Command } from "commander";

import { type Deletion, deleteResource, leftoverError, untilGone } from "../deleting.ts";
import { errorText, EXIT, usageError } from "../errors.ts";
import { listAll } from "../listing.ts";
import { type Fault, labelOf, loadManifests } from "../manifest/load.ts";
import { serverFaults } from "../manifest/server-faults.ts";
import { createReport, type Report, type ReportedFault } from "../output/report.ts";
import type { Session } from "../session.ts";
import {
  checkedSelector,
  parseNamedTarget,
  parseTarget,
  tenancyOfList,
  tenancyOfName,
  type TenancyOptions,
  whereText,
} from "../target.ts";
import { parseDuration } from "../waiting/duration.ts";
import {
  addCommand,
  type CommandContext,
  withAllNamespacesOption,
  withTenancyOptions,
} from "./command-context.ts";

interface DeleteOptions extends TenancyOptions {
  readonly filename?: readonly string[];
  readonly selector?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
}

/** How long `--wait` waits unless told otherwise. */
const DEFAULT_TIMEOUT = "30s";

/** `trellis delete`. */
export function addDeleteCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "delete", {
    description: "delete a resource, those that a selector fits, or those of manifests",
    examples: ["service/api", "namespace/shop --wait --timeout 5m", "workload -l team=web", "-f deploy/"],
  });
  withAllNamespacesOption(withTenancyOptions(command))
    .argument("[kind]", "KIND/NAME, or KIND and the name after it; with -l, KIND")
    .argument("[name]", "the resource, unless it stands after the /")
    .option("-l, --selector <terms>", "all whose metadata fits: a=b,c!=d,e in (x,y),f,!g")
    .option("-f, --filename <path...>", "a file, a folder, or - for the standard input; repeatable")
    .option("--dry-run", "say what would happen, and delete nothing")
    .option("--wait", "wait until everything is gone, finalizers included")
    .option("--timeout <time>", `how long to wait: 500ms, 30s, 5m, 1h (default: ${DEFAULT_TIMEOUT})`)
    .action((kind: string | undefined, name: string | undefined, options: DeleteOptions) =>
      context.run(command, (session) => {
        checkOptions(kind, options);
        if (options.filename !== undefined) return deleteFiles(session, options.filename, options);
        if (kind === undefined)
          throw usageError(
            "nothing to delete is named",
            "Give KIND/NAME, KIND -l TERMS, or -f and manifests.",
          );
        if (options.selector === undefined) return deleteOne(session, kind, name, options);
        return deleteSelected(session, kind, name, options);
      }),
    );
}

/** What does not go together is refused before anything is asked for. */
function checkOptions(kind: string | undefined, options: DeleteOptions): void {
  const { filename, selector, dryRun, wait, timeout, allNamespaces } = options;
  if (filename !== undefined && kind !== undefined)
    throw usageError(`"${kind}" is named beside -f`, "Give a resource, or -f and nothing else.");
  if (filename !== undefined && selector !== undefined)
    throw usageError("-l chooses from a type, and -f names manifests", "Give one of the two.");
  if (filename !== undefined && allNamespaces === true)
    throw usageError("-A chooses from a type, and -f names manifests", "Give one of the two.");
  if (timeout !== undefined && wait !== true)
    throw usageError("--timeout says how long to wait, and nothing waits", "Give --wait too.");
  if (timeout !== undefined) parseDuration(timeout);
  if (wait === true && dryRun === true)
    throw usageError("a dry run deletes nothing to wait for", "Give --dry-run or --wait.");
}

async function deleteOne(
  session: Session,
  kind: string,
  name: string | undefined,
  options: DeleteOptions,
): Promise<number> {
  const catalog = await session.catalog();
  const { type, name: found } = parseNamedTarget(catalog, kind, name);
  const { group, groupVersion, kind: kindName } = type;
  const id = {
    type: { group, groupVersion, kind: kindName },
    name: found,
    tenancy: tenancyOfName(type, options),
  };
  const deletion = { type, id, label: `${catalog.word(type)}/${found}` };
  const report = reportFor(session, [deletion.label], options);
  const marked = await deleteResource(session, deletion, report, dryRunOf(options));
  await waitFor(session, marked ? [deletion] : [], report, options);
  return EXIT.ok;
}

/** Deletes all resources of a type that a selector fits, those incarnations only. */
async function deleteSelected(
  session: Session,
  kind: string,
  name: string | undefined,
  options: DeleteOptions,
): Promise<number> {
  const catalog = await session.catalog();
  const { type, name: found } = parseTarget(catalog, kind, name);
  if (found !== undefined)
    throw usageError("a selector chooses from many, and a name is given", "Leave out one of the two.");
  const selector = checkedSelector(options.selector);
  if (selector.trim() === "")
    throw usageError("--selector is empty, which would fit everything", "Give terms, as in -l team=web.");
  const tenancy = tenancyOfList(type, options);
  const resources = await listAll(session, { type, tenancy, selector });
  if (resources.length === 0) {
    session.environment.stderr(`No ${type.kind} that fits the selector${whereText(type, options)}.\n`);
    return EXIT.ok;
  }
  const items = resources.flatMap((resource) =>
    resource.id === undefined
      ? []
      : [
          {
            type,
            id: resource.id,
            label: labelOf({ type, resource }, catalog),
            faults: (error: unknown) => [errorText(error, session.connection.server)],
          },
        ],
  );
  return deleteAll(session, items, [], options);
}

/** Deletes what manifests name, owned resources before their owners. */
async function deleteFiles(
  session: Session,
  paths: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  const { environment, connection } = session;
  const catalog = await session.catalog();
  const defaults = { partition: options.partition ?? "", namespace: options.namespace ?? "" };
  const { loaded, failed } = await loadManifests(environment, catalog, paths, defaults);
  const items = loaded.toReversed().flatMap(({ type, resource, manifest }) =>
    resource.id === undefined
      ? []
      : [
          {
            type,
            id: resource.id,
            label: labelOf({ type, resource }, catalog),
            faults: (error: unknown) => serverFaults(error, manifest, connection.server),
          },
        ],
  );
  return deleteAll(session, items, failed, options);
}

/** One of several deletions, and what to print when it fails. */
interface DeletionItem extends Deletion {
  readonly faults: (error: unknown) => readonly ReportedFault[];
}

/** All are tried. */
async function deleteAll(
  session: Session,
  items: readonly DeletionItem[],
  failed: readonly { readonly label: string; readonly faults: readonly Fault[] }[],
  options: DeleteOptions,
): Promise<number> {
  const { signal } = session.environment;
  const report = reportFor(
    session,
    [...items, ...failed].map(({ label }) => label),
    options,
  );
  const marked: Deletion[] = [];
  for (const item of items) {
    if (signal.aborted) break;
    try {
      if (await deleteResource(session, item, report, dryRunOf(options))) marked.push(item);
    } catch (error) {
      if (signal.aborted) break;
      report.failed(item.label, item.faults(error));
    }
  }
  for (const { label, faults } of failed) report.failed(label, faults);
  try {
    await waitFor(session, marked, report, options);
  } finally {
    report.summary();
  }
  return report.failures === 0 ? EXIT.ok : EXIT.failed;
}

/** Waits when that is asked for; throws when something is still there afterwards. */
async function waitFor(
  session: Session,
  marked: readonly Deletion[],
  report: Report,
  { wait = false, timeout = DEFAULT_TIMEOUT }: DeleteOptions,
): Promise<void> {
  if (!wait || session.environment.signal.aborted) return;
  const error = leftoverError(await untilGone(session, marked, report, parseDuration(timeout)), timeout);
  if (error !== undefined) throw error;
}

function dryRunOf({ dryRun = false }: DeleteOptions) {
  return { dryRun };
}

function reportFor({ environment }: Session, labels: readonly string[], options: DeleteOptions): Report {
  return createReport(labels, {
    colour: environment.colour,
    ...dryRunOf(options),
    print: environment.stdout,
  });
}
