import type { Registry } from "@bufbuild/protobuf";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { errorReason } from "@trellis/resource";
import type { Command } from "commander";

import { applyResource } from "../applying.ts";
import { CliError, errorText } from "../errors.ts";
import { labelOf, type LoadedManifest, loadManifests, startOf } from "../manifest/load.ts";
import { resourceKey } from "../manifest/order.ts";
import { wantedText } from "../manifest/print.ts";
import { serverFaults } from "../manifest/server-faults.ts";
import { createReport } from "../output/report.ts";
import { unifiedDiff } from "../output/unified-diff.ts";
import type { Session } from "../session.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";
import { namedPaths } from "./named-paths.ts";

interface DiffOptions {
  readonly filename?: readonly string[];
  readonly namespace?: string;
  readonly partition?: string;
}

/** The exit codes of diff(1): unlike other commands, `diff` fails with 2. */
const DIFF_EXIT = { same: 0, changes: 1, failed: 2 } as const;

/** `trellis diff`. */
export function addDiffCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "diff", {
    description: "show what apply would change, defaults and hooks included",
    examples: ["-f service.yaml", "-f deploy/", "-f - < service.yaml"],
  });
  withTenancyOptions(command)
    .usage("[options] -f <path...>")
    .allowExcessArguments(true)
    .option("-f, --filename <path...>", "a file, a folder, or - for the standard input; repeatable")
    .addHelpText("after", "\nExit codes: 0 nothing would change, 1 something would, 2 it failed.")
    .action((options: DiffOptions) => {
      const paths = namedPaths("diff", command.args, options.filename);
      return context.run(command, (session) => failingWith2(session, diff(session, paths, options)));
    });
}

/** Whatever is thrown ends with 2: a 1 would mean that something would change. */
async function failingWith2(session: Session, work: Promise<number>): Promise<number> {
  try {
    return await work;
  } catch (error) {
    const { message, hint } = errorText(error, session.connection.server);
    throw new CliError(message, { hint, exitCode: DIFF_EXIT.failed });
  }
}

async function diff(session: Session, paths: readonly string[], options: DiffOptions): Promise<number> {
  const { environment, connection } = session;
  const { signal, stdout, stderr, colour } = environment;
  const catalog = await session.catalog();
  const defaults = { partition: options.partition ?? "", namespace: options.namespace ?? "" };
  const { loaded, failed } = await loadManifests(environment, catalog, paths, defaults);
  const registry = await catalog.schemas([...new Set(loaded.map(({ type }) => type))]);
  const labels = [...loaded.map((one) => labelOf(one, catalog)), ...failed.map(({ label }) => label)];
  const report = createReport(labels, { colour, dryRun: true, print: stderr });
  const created = new Set<string>();
  const counts = { created: 0, updated: 0, failed: failed.length };
  for (const item of loaded) {
    if (signal.aborted) break;
    const label = labelOf(item, catalog);
    try {
      const change = await changeOf(session, item, created, registry);
      const text = unifiedDiff(
        { title: `${label}  ${change.before}`, text: change.stored },
        { title: `${label}  ${placeOf(item)}`, text: change.wanted },
        colour,
      );
      if (text === "") continue;
      stdout(`${counts.created + counts.updated > 0 ? "\n" : ""}${text}`);
      counts[change.stored === "" ? "created" : "updated"] += 1;
    } catch (error) {
      if (signal.aborted) break;
      counts.failed += 1;
      report.failed(label, serverFaults(error, item.manifest, connection.server));
    }
  }
  for (const { label, faults } of failed) report.failed(label, faults);
  if (!signal.aborted) stderr(`${summaryText(counts, labels.length)}\n`);
  if (counts.failed > 0) return DIFF_EXIT.failed;
  return counts.created + counts.updated > 0 ? DIFF_EXIT.changes : DIFF_EXIT.same;
}

interface Change {
  /** What is said of the stored resource. */
  readonly before: string;
  /** The stored resource as a manifest; empty when there is none. */
  readonly stored: string;
  /** What would be stored. */
  readonly wanted: string;
}

async function changeOf(
  session: Session,
  { resource }: LoadedManifest,
  created: Set<string>,
  registry: Registry,
): Promise<Change> {
  const before = await readStored(session, resource);
  const applied = await applyResource(session, resource, { dryRun: true, created });
  if (applied.outcome === "created") created.add(resourceKey(resource));
  return {
    before: before === undefined ? "(not there)" : `(version ${before.version})`,
    stored: before === undefined ? "" : wantedText(before, registry),
    wanted: applied.resource === undefined ? "" : wantedText(applied.resource, registry),
  };
}

async function readStored(session: Session, { id }: Resource): Promise<Resource | undefined> {
  try {
    const request = id === undefined ? {} : { id };
    return (await session.connection.client.resources.read(request, session.callOptions)).resource;
  } catch (error) {
    if (errorReason(error) === "RESOURCE_NOT_FOUND") return undefined;
    throw error;
  }
}

function placeOf({ manifest }: LoadedManifest): string {
  const { file, line } = startOf(manifest);
  return `(${file}:${line})`;
}

function summaryText(counts: { created: number; updated: number; failed: number }, total: number): string {
  const of = `${total} ${total === 1 ? "resource" : "resources"}`;
  const parts = [
    ...(counts.created > 0 ? [`${counts.created} would be created`] : []),
    ...(counts.updated > 0 ? [`${counts.updated} would be updated`] : []),
    ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
  ];
  return `${of}: ${parts.length === 0 ? "nothing would change" : parts.join(", ")}`;
}
