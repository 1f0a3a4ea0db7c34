import { type Command, InvalidArgumentError } from "commander";

import { EXIT } from "../errors.ts";
import { readNamed } from "../reading-one.ts";
import { parseNamedTarget, type TenancyOptions } from "../target.ts";
import { drawTree } from "../tree/draw.ts";
import { growTree } from "../tree/grow.ts";
import { addCommand, type CommandContext, withTenancyOptions } from "./command-context.ts";

interface TreeOptions extends TenancyOptions {
  readonly depth: number;
}

/** How many levels are shown unless told otherwise, and at most. */
const DEFAULT_DEPTH = 10;
const MAX_DEPTH = 100;
/** The most resources in one tree. */
const MAX_RESOURCES = 1_000;

/** `trellis tree`. */
export function addTreeCommand(program: Command, context: CommandContext): void {
  const command = addCommand(program, "tree", {
    description: "show a resource and what it owns, and how each is",
    examples: ["service/api", "service/api -n shop --depth 1"],
  });
  withTenancyOptions(command)
    .argument("<kind>", "KIND/NAME, or KIND and the name after it")
    .argument("[name]", "the resource, unless it stands after the /")
    .option(
      "--depth <levels>",
      `how many levels of what is owned, 1 to ${MAX_DEPTH}`,
      readDepth,
      DEFAULT_DEPTH,
    )
    .action((kind: string, name: string | undefined, options: TreeOptions) =>
      context.run(command, async (session) => {
        const catalog = await session.catalog();
        const target = parseNamedTarget(catalog, kind, name);
        const root = await readNamed(session, target.type, target.name, options);
        const bounds = { maxDepth: options.depth, maxResources: MAX_RESOURCES };
        const tree = await growTree(session, root, bounds);
        const { stdout, clock, colour, columns } = session.environment;
        stdout(drawTree(tree, { catalog, nowMs: clock.now(), colour, columns }));
        return EXIT.ok;
      }),
    );
}

function readDepth(text: string): number {
  const depth = Number(text);
  if (!/^\d+$/.test(text) || depth < 1 || depth > MAX_DEPTH)
    throw new InvalidArgumentError(`Give a number from 1 to ${MAX_DEPTH}.`);
  return depth;
}
