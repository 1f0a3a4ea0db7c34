import type { Command } from "commander";

import { applyResource } from "../applying.ts";
import { EXIT } from "../errors.ts";
import { labelOf, loadManifests } from "../manifest/load.ts";
import { resourceKey } from "../manifest/order.ts";
import { serverFaults } from "../manifest/server-faults.ts";
import { createProgress } from "../output/progress.ts";
import { createReport } from "../output/report.ts";
import type { Session } from "../session.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";
import { namedPaths } from "./named-paths.ts";

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
      context.run(command, (session) =>
        apply(session, namedPaths("apply", command.args, options.filename), options),
      ),
    );
}

async function apply(session: Session, paths: readonly string[], options: ApplyOptions): Promise<number> {
  const { environment } = session;
  const catalog = await session.catalog();
  const defaults = { partition: options.partition ?? "", namespace: options.namespace ?? "" };
  const { loaded, failed } = await loadManifests(environment, catalog, paths, defaults);
  const labels = [...loaded.map((one) => labelOf(one, catalog)), ...failed.map(({ label }) => label)];
  const dryRun = options.dryRun === true;
  const progress = createProgress(environment, { title: "Applying", total: loaded.length });
  const report = createReport(labels, { colour: environment.colour, dryRun, print: progress.print });
  const created = new Set<string>();
  try {
    for (const item of loaded) {
      if (environment.signal.aborted) break;
      const label = labelOf(item, catalog);
      try {
        const { outcome } = await applyResource(session, item.resource, { dryRun, created });
        if (outcome === "created") created.add(resourceKey(item.resource));
        report.done(label, outcome);
      } catch (error) {
        if (environment.signal.aborted) break;
        report.failed(label, serverFaults(error, item.manifest, session.connection.server));
      }
      progress.step();
    }
    for (const { label, faults } of failed) report.failed(label, faults);
  } finally {
    progress.end();
  }
  report.summary();
  return report.failures === 0 ? EXIT.ok : EXIT.failed;
}
