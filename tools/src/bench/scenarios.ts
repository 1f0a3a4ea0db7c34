import { UsageError } from "../flags.ts";
import type { Shape, System } from "./deployment.ts";
import { batches, changesWatched, lists, mix, reads, writes, type OpenLoad } from "./loads.ts";
import { CONNECT, type Form, GRPC, JSON_FORM } from "./raw/forms.ts";

/** Connections that all clients of a scenario share, unless each has its own. */
const CONNECTIONS = 8;
const OUTSTANDING = [1, 16, 64, 256];

/** One row of the table, for each system that it is measured with. */
export interface Scenario {
  /** With the clients: `write-64`. */
  readonly name: string;
  readonly shape: Shape;
  /** Calls under way at once, or watchers. */
  readonly clients: number;
  readonly connections: number;
  /** Whether it reads, with few writes at most: systems are not to be read while they still feel a burst of writes. */
  readonly reading: boolean;
  /** How Trellis is called. */
  readonly form: Form;
  readonly load: Readonly<Partial<Record<System, OpenLoad>>>;
}

/** What most scenarios are. */
function row(
  name: string,
  clients: number,
  load: OpenLoad,
  { peer = load, ...more }: Partial<Scenario> & { readonly peer?: OpenLoad | undefined } = {},
): Scenario {
  return {
    name: `${name}-${clients}`,
    shape: "standalone",
    clients,
    connections: CONNECTIONS,
    reading: false,
    form: GRPC,
    load: { trellis: load, etcd: peer },
    ...more,
  };
}

/** A scenario that etcd has no twin of. */
function trellisOnly(scenario: Scenario): Scenario {
  const { trellis } = scenario.load;
  return { ...scenario, load: trellis === undefined ? {} : { trellis } };
}

/** A scenario that reads. */
function reading(...[name, clients, load, more]: Parameters<typeof row>): Scenario {
  return { ...row(name, clients, load, more), reading: true };
}

/** Each client on a connection of its own. */
function apart(scenario: Scenario): Scenario {
  return { ...scenario, name: `${scenario.name}x1`, connections: scenario.clients };
}

const gateway = { shape: "gateway" } as const;
const cluster = { shape: "cluster" } as const;
const split = { shape: "split" } as const;

/** All that there are, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  ...OUTSTANDING.map((clients) => row("write", clients, writes("update"))),
  apart(row("write", 64, writes("update"))),
  row("create", 64, writes("create")),
  row("cas", 64, writes("compareAndSwap")),
  row("batch100", 64, batches, { peer: writes("update") }),
  ...OUTSTANDING.map((clients) => reading("strong-read", clients, reads(true))),
  apart(reading("strong-read", 64, reads(true))),
  ...OUTSTANDING.map((clients) => reading("eventual-read", clients, reads(false))),
  apart(reading("eventual-read", 64, reads(false))),
  reading("mixed", 32, mix),
  reading("list1000", 16, lists),
  ...[100, 1_000].map((clients) => row("watch", clients, changesWatched(clients))),
  ...[
    { name: "connect", form: CONNECT },
    { name: "json", form: JSON_FORM },
  ].flatMap(({ name, form }) => [
    trellisOnly(row(`${name}-write`, 64, writes("update"), { form })),
    trellisOnly(row(`${name}-eventual-read`, 64, reads(false), { form })),
  ]),
  trellisOnly(row("gateway-write", 64, writes("update"), gateway)),
  trellisOnly(row("gateway-strong-read", 64, reads(true), gateway)),
  trellisOnly(row("gateway-eventual-read", 64, reads(false), gateway)),
  trellisOnly(row("gateway-mixed", 32, mix, gateway)),
  trellisOnly(row("gateway-list1000", 16, lists, gateway)),
  trellisOnly(row("gateway-watch", 1_000, changesWatched(1_000), gateway)),
  ...OUTSTANDING.map((clients) => row("cluster-write", clients, writes("update"), cluster)),
  reading("cluster-strong-read", 64, reads(true), cluster),
  reading("cluster-eventual-read", 64, reads(false), cluster),
  reading("cluster-mixed", 32, mix, cluster),
  reading("cluster-list1000", 16, lists, cluster),
  row("cluster-watch", 1_000, changesWatched(1_000), cluster),
  trellisOnly(row("split-write", 64, writes("update"), split)),
  trellisOnly(row("split-strong-read", 64, reads(true), split)),
  trellisOnly(row("split-eventual-read", 64, reads(false), split)),
];

/** The names of all scenarios, those together that differ in their clients alone. */
export function scenarioFamilies(): readonly (readonly [family: string, names: readonly string[]])[] {
  const families = Map.groupBy(
    SCENARIOS.map(({ name }) => name),
    (name) => name.replace(/-\d+(?:x1)?$/, ""),
  );
  return [...families];
}

/** The scenarios that the words name, or begin the names of, in the table's order. Throws a UsageError for a word that is none. */
export function chooseScenarios(words: readonly string[]): readonly Scenario[] {
  const chosen = new Set<Scenario>();
  for (const word of words) {
    const exact = SCENARIOS.filter(({ name }) => name === word);
    const found = exact.length > 0 ? exact : SCENARIOS.filter(({ name }) => name.startsWith(word));
    if (found.length === 0 || word === "") {
      const families = scenarioFamilies().map(([family]) => family);
      throw new UsageError(
        `--only: no scenario is called or begins with "${word}"; they begin with ${families.join(", ")} (--help has all)`,
      );
    }
    for (const scenario of found) chosen.add(scenario);
  }
  return SCENARIOS.filter((scenario) => chosen.has(scenario));
}
