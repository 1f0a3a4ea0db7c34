import { copyFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";

import { dockerIgnore } from "./docker-ignore.ts";
import { type Copy, copiesOf, only, parseDockerfile, type Stage } from "./dockerfile.ts";
import { type Lock, productionPackages } from "./production-packages.ts";

/** What an image of ours is, laid out in a folder instead of built. */
export interface StagedImage {
  /** Stands for the image's working directory. */
  readonly root: string;
  /** The working directory in the image, `/app`. */
  readonly workingDirectory: string;
  readonly volume: string;
  readonly stage: Stage;
  /** The program of each command that the image's PATH has: `trellis-gateway`. */
  readonly bins: ReadonlyMap<string, string>;
}

/**
 * Lays out below `root` what the Dockerfile of `context` puts into the last stage: the files that it copies, without what .dockerignore keeps out, and the packages that
 * `npm ci` would install for the apps, as links to the context's own. Nothing else of the context can be reached from there. Throws for a source that is not there.
 */
export function stageImage(context: string, root: string): StagedImage {
  const stages = parseDockerfile(readFileSync(join(context, "Dockerfile"), "utf8"));
  const stage = stages.at(-1);
  if (stage === undefined) throw new Error("expected a FROM in the Dockerfile");
  const isIgnored = dockerIgnore(readFileSync(join(context, ".dockerignore"), "utf8"));
  for (const copy of stages.flatMap(copiesOf)) checkSources(context, copy, isIgnored);
  mkdirSync(root, { recursive: true });
  copyTree(join(context, "package.json"), join(root, "package.json"));
  for (const copy of copiesOf(stage).filter(({ from }) => from === undefined)) {
    for (const source of copy.sources) {
      const isFolder = lstatSync(join(context, source)).isDirectory();
      const target = isFolder ? copy.target : posix.join(copy.target, basename(source));
      copyTree(join(context, source), join(root, target), source, isIgnored);
    }
  }
  const bins = linkPackages(context, root);
  const [workingDirectory, volume] = [only(stage, "WORKDIR"), only(stage, "VOLUME")];
  return { root, workingDirectory, volume, stage, bins };
}

function checkSources(context: string, { from, sources }: Copy, isIgnored: (path: string) => boolean): void {
  if (from !== undefined) return;
  for (const source of sources) {
    const found = lstatSync(join(context, source), { throwIfNoEntry: false });
    if (found === undefined) throw new Error(`COPY: expected ${source} in the checkout, found nothing`);
    if (isIgnored(source)) throw new Error(`COPY: expected ${source}, which .dockerignore keeps out`);
  }
}

function copyTree(
  from: string,
  to: string,
  path = "",
  isIgnored: (path: string) => boolean = () => false,
): void {
  if (isIgnored(path)) return;
  if (!lstatSync(from).isDirectory()) {
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
    return;
  }
  for (const name of readdirSync(from))
    copyTree(join(from, name), join(to, name), posix.join(path, name), isIgnored);
}

/** Links what the apps need where `npm ci` would put it; where the commands of the apps are. */
function linkPackages(context: string, root: string): Map<string, string> {
  const lock = JSON.parse(readFileSync(join(context, "package-lock.json"), "utf8")) as Lock;
  const apps = readdirSync(join(root, "apps")).map((app) => `apps/${app}`);
  for (const { place, linkedTo } of productionPackages(lock, apps)) {
    // What stands inside a package comes with its link.
    if (/node_modules\/.*\/node_modules\//.test(place)) continue;
    mkdirSync(dirname(join(root, place)), { recursive: true });
    symlinkSync(
      join(linkedTo === undefined ? context : root, linkedTo ?? place),
      join(root, place),
      "junction",
    );
  }
  return new Map(
    apps.flatMap((app) => {
      const manifest = JSON.parse(readFileSync(join(root, app, "package.json"), "utf8")) as {
        readonly bin: Readonly<Record<string, string>>;
      };
      return Object.entries(manifest.bin).map(([name, bin]) => [name, join(root, app, bin)] as const);
    }),
  );
}
