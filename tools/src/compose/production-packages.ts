import { posix } from "node:path";

/** A package of package-lock.json. */
interface LockedPackage {
  /** A folder of the checkout instead of a package of a registry. */
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The lock file, as far as it tells where packages are. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** A package that is needed, by its place below the checkout, `node_modules/pino`; `linkedTo` is a workspace's folder. */
export interface NeededPackage {
  readonly place: string;
  readonly linkedTo: string | undefined;
}

/** What the workspaces of these folders need when they run, all they lean on included, development's own left out. */
export function productionPackages({ packages }: Lock, folders: readonly string[]): readonly NeededPackage[] {
  const needed = new Map<string, NeededPackage>();
  const waiting = [...folders];
  const link = (place: string): void => {
    if (needed.has(place)) return;
    const locked = packages[place];
    const linkedTo = locked?.link === true ? locked.resolved : undefined;
    needed.set(place, { place, linkedTo });
    waiting.push(linkedTo ?? place);
  };
  for (const [place, { resolved, link: isLink }] of Object.entries(packages))
    if (isLink === true && folders.includes(resolved ?? "")) link(place);
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    for (const name of Object.keys(packages[from]?.dependencies ?? {})) link(placeOf(packages, from, name));
  }
  return [...needed.values()];
}

/** Where Node finds a package from a folder: the nearest node_modules that has it, upwards. */
function placeOf(packages: Lock["packages"], from: string, name: string): string {
  for (let folder = from; ; folder = posix.dirname(folder)) {
    const place = folder === "." ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (folder === ".") throw new Error(`expected ${name} in package-lock.json for ${from}: npm install`);
  }
}
