import { WriteResponse_Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { errorReason } from "@trellis/resource";
import type { Command } from "commander";

import { EXIT, usageError } from "../errors.ts";
import { labelOf, type LoadedManifest, loadManifests } from "../manifest/load.ts";
import { resourceKey } from "../manifest/order.ts";
import { serverFaults } from "../manifest/server-faults.ts";
import { createReport, type Outcome } from "../output/report.ts";
import type { Session } from "../session.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";

interface ApplyOptions {
  readonly filename?: readonly string[];
  readonly dryRun?: boolean;
  readonly namespace?: string;
  readonly partition?: string;
}

/** `trellis apply`. */
export function addApplyCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "apply", {
    description: "create or update what manifests describe",
    examples: ["-f service.yaml", "-f deploy/ --dry-run", "-f - < service.yaml"],
  });
  withTenancyOptions(command)
    .usage("[options] -f <path...>")
    .allowExcessArguments(true)
    .option("-f, --filename <path...>", "a file, a folder, or - for the standard input; repeatable")
    .option("--dry-run", "say what would happen, and store nothing")
    .action((options: ApplyOptions) =>
      context.run(command, (session) => apply(session, namedPaths(command.args, options), options)),
    );
}

/** Only `-f` names manifests; without it whoever forgot it is told. */
function namedPaths(bare: readonly string[], { filename }: ApplyOptions): readonly string[] {
  if (bare.length > 0)
    throw usageError(
      `"${bare.join(" ")}" stands without -f`,
      `Write trellis apply -f ${[...(filename ?? []), ...bare].join(" ")}.`,
    );
  if (filename === undefined)
    throw usageError("no manifests are named", "Give -f FILE, -f FOLDER, or -f - for the standard input.");
  return filename;
}

async function apply(session: Session, paths: readonly string[], options: ApplyOptions): Promise<number> {
  const { environment } = session;
  const catalog = await session.catalog();
  const defaults = { partition: options.partition ?? "", namespace: options.namespace ?? "" };
  const { loaded, failed } = await loadManifests(environment, catalog, paths, defaults);
  const labels = [...loaded.map((one) => labelOf(one, catalog)), ...failed.map(({ label }) => label)];
  const dryRun = options.dryRun === true;
  const report = createReport(labels, { colour: environment.colour, dryRun, print: environment.stdout });
  const created = new Set<string>();
  for (const item of loaded) {
    if (environment.signal.aborted) break;
    const label = labelOf(item, catalog);
    try {
      const outcome = await write(session, item, dryRun, created);
      if (outcome === "created") created.add(resourceKey(item.resource));
      report.done(label, outcome);
    } catch (error) {
      if (environment.signal.aborted) break;
      report.failed(label, serverFaults(error, item.manifest, session.connection.server));
    }
  }
  for (const { label, faults } of failed) report.failed(label, faults);
  report.summary();
  return report.failures === 0 ? EXIT.ok : EXIT.failed;
}

const OUTCOMES: Readonly<Record<WriteResponse_Outcome, Exclude<Outcome, "failed">>> = {
  [WriteResponse_Outcome.UNSPECIFIED]: "updated",
  [WriteResponse_Outcome.CREATED]: "created",
  [WriteResponse_Outcome.UPDATED]: "updated",
  [WriteResponse_Outcome.UNCHANGED]: "unchanged",
  [WriteResponse_Outcome.DELETED]: "deleted",
};

/** Writes one resource. `created` are those that this run created, or would have. */
async function write(
  session: Session,
  { resource }: LoadedManifest,
  dryRun: boolean,
  created: ReadonlySet<string>,
): Promise<Exclude<Outcome, "failed">> {
  const { client } = session.connection;
  try {
    const { outcome } = await client.resources.write({ resource, dryRun }, session.callOptions);
    return OUTCOMES[outcome] ?? "updated";
  } catch (error) {
    const { owner } = resource;
    const ownerToCome =
      dryRun &&
      errorReason(error) === "OWNER_NOT_FOUND" &&
      owner !== undefined &&
      created.has(resourceKey({ ...resource, id: owner }));
    if (!ownerToCome) throw error;
    // The owner would be there by now: what is left to check is the resource itself.
    await client.resources.mutateAndValidate({ resource }, session.callOptions);
    return "created";
  }
}
