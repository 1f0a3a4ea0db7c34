import type { ID } from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DeleteResponse_Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Command } from "commander";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { IDSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { EXIT, usageError } from "../errors.ts";
import { labelOf, loadManifests } from "../manifest/load.ts";
import { serverFaults } from "../manifest/server-faults.ts";
import { createReport, type Report } from "../output/report.ts";
import type { Session } from "../session.ts";
import { parseNamedTarget, tenancyOfName } from "../target.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";

interface DeleteOptions {
  readonly filename?: readonly string[];
  readonly dryRun?: boolean;
  readonly namespace?: string;
  readonly partition?: string;
}

/** `trellis delete`. */
export function addDeleteCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "delete", {
    description: "delete a resource, or those of manifests",
    examples: ["service/api", "-f deploy/"],
  });
  withTenancyOptions(command)
    .argument("[kind]", "KIND/NAME, or KIND and the name after it")
    .argument("[name]", "the resource, unless it stands after the /")
    .option("-f, --filename <path...>", "a file, a folder, or - for the standard input; repeatable")
    .option("--dry-run", "say what would happen, and delete nothing")
    .action((kind: string | undefined, name: string | undefined, options: DeleteOptions) =>
      context.run(command, (session) => {
        if (options.filename === undefined) return deleteOne(session, kind, name, options);
        if (kind === undefined) return deleteFiles(session, options.filename, options);
        throw usageError(`"${kind}" is named beside -f`, "Give a resource, or -f and nothing else.");
      }),
    );
}

async function deleteOne(
  session: Session,
  kind: string | undefined,
  name: string | undefined,
  options: DeleteOptions,
): Promise<number> {
  if (kind === undefined)
    throw usageError("nothing to delete is named", "Give KIND/NAME, or -f and manifests.");
  const catalog = await session.catalog();
  const { type, name: found } = parseNamedTarget(catalog, kind, name);
  const { group, groupVersion, kind: kindName } = type;
  const id = {
    type: { group, groupVersion, kind: kindName },
    name: found,
    tenancy: tenancyOfName(type, options),
  };
  const label = `${catalog.word(type)}/${found}`;
  await remove(session, id, label, reportFor(session, [label], options), options);
  return EXIT.ok;
}

/** Deletes what manifests name, owned resources before their owners. All are tried. */
async function deleteFiles(
  session: Session,
  paths: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  const { environment, connection } = session;
  const catalog = await session.catalog();
  const defaults = { partition: options.partition ?? "", namespace: options.namespace ?? "" };
  const { loaded, failed } = await loadManifests(environment, catalog, paths, defaults);
  const labels = [...loaded.map((one) => labelOf(one, catalog)), ...failed.map(({ label }) => label)];
  const report = reportFor(session, labels, options);
  for (const item of loaded.toReversed()) {
    if (environment.signal.aborted) break;
    const label = labelOf(item, catalog);
    const { id } = item.resource;
    try {
      if (id !== undefined) await remove(session, id, label, report, options);
    } catch (error) {
      if (environment.signal.aborted) break;
      report.failed(label, serverFaults(error, item.manifest, connection.server));
    }
  }
  for (const { label, faults } of failed) report.failed(label, faults);
  report.summary();
  return report.failures === 0 ? EXIT.ok : EXIT.failed;
}

async function remove(
  { connection, callOptions }: Session,
  id: ID | MessageInitShape<typeof IDSchema>,
  label: string,
  report: Report,
  { dryRun = false }: DeleteOptions,
): Promise<void> {
  const { outcome } = await connection.client.resources.delete({ id, dryRun }, callOptions);
  if (outcome === DeleteResponse_Outcome.MARKED)
    report.done(label, "marked", "it has finalizers, and goes with the last of them");
  else if (outcome === DeleteResponse_Outcome.ABSENT)
    report.done(label, "absent", "there was nothing to delete");
  else report.done(label, "deleted", dryRun ? "not yet: this is a dry run" : "");
}

function reportFor(
  { environment }: Session,
  labels: readonly string[],
  { dryRun = false }: DeleteOptions,
): Report {
  return createReport(labels, { colour: environment.colour, dryRun, print: environment.stdout });
}
