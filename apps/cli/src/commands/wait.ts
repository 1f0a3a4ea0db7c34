import type { Command } from "commander";

import { CliError, EXIT, usageError } from "../errors.ts";
import { createPaint } from "../output/paint.ts";
import type { Session } from "../session.ts";
import { explicitTenancy, parseNamedTarget, tenancyOfName, type TenancyOptions } from "../target.ts";
import { type Awaited, parseAwaited } from "../waiting/awaited.ts";
import { parseDuration } from "../waiting/duration.ts";
import { waitUntil } from "../waiting/until.ts";
import { verdictOn } from "../waiting/verdict.ts";
import type { Watching } from "../watching.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";

interface WaitOptions extends TenancyOptions {
  readonly for?: string;
  readonly timeout: string;
}

/** `trellis wait`. */
export function addWaitCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "wait", {
    description: "wait until a condition holds, or a resource is gone",
    examples: [
      "service/api --for=condition=EndpointsManaged",
      "service/api --for=condition=Healthy=FALSE --timeout 5m",
      "service/api --for=deleted",
    ],
  });
  withTenancyOptions(command)
    .argument("<kind>", "KIND/NAME, or KIND and the name after it")
    .argument("[name]", "the resource, unless it stands after the /")
    .option("--for <what>", "condition=[KEY:]TYPE[=STATE], where STATE is TRUE, FALSE or UNKNOWN, or deleted")
    .option("--timeout <time>", "how long: 500ms, 30s, 5m, 1h", "30s")
    .action((kind: string, name: string | undefined, options: WaitOptions) =>
      context.run(command, async (session) => {
        if (options.for === undefined)
          throw usageError(
            "--for does not say what to wait for",
            "Give --for=condition=TYPE or --for=deleted.",
          );
        const awaited = parseAwaited(options.for);
        const timeoutMs = parseDuration(options.timeout);
        const catalog = await session.catalog();
        const target = parseNamedTarget(catalog, kind, name);
        const tenancy = explicitTenancy(target.type, tenancyOfName(target.type, options));
        const label = `${catalog.word(target.type)}/${target.name}`;
        const watching = { ...target, tenancy, selector: "" };
        await waitFor(session, watching, { awaited, timeoutMs, timeout: options.timeout, label });
        return EXIT.ok;
      }),
    );
}

interface Wish {
  readonly awaited: Awaited;
  readonly timeoutMs: number;
  /** As written. */
  readonly timeout: string;
  /** How messages name the resource. */
  readonly label: string;
}

async function waitFor(
  session: Session,
  watching: Watching,
  { awaited, timeoutMs, timeout, label }: Wish,
): Promise<void> {
  const { stdout, colour } = session.environment;
  const { met, seen } = await waitUntil(session, watching, {
    timeoutMs,
    judge: (resource) => verdictOn(resource, awaited),
  });
  if (!met)
    throw new CliError(`${label}: after ${timeout}, ${seen}`, { hint: "Wait longer with --timeout." });
  stdout(`${createPaint(colour).good("●")} ${label}: ${seen}\n`);
}
