import type { ResourceType } from "@trellis/resource";

/** One type's resources are reconciled when those of another change. Both are names, `group/version/kind` in lower case. */
export interface Dependency {
  readonly from: string;
  readonly to: string;
}

/** Which types controllers make out of which. Plain data, in order, so that equal graphs are equal texts. */
export interface DependencyGraph {
  /** All types, those without dependencies too. */
  readonly types: readonly string[];
  readonly dependencies: readonly Dependency[];
}

/** What of a controller's definition makes the graph. */
export interface ControllerTypes {
  readonly type: ResourceType;
  readonly watches?: readonly (ResourceType | { readonly type: ResourceType })[] | undefined;
  readonly owns?: readonly ResourceType[] | undefined;
}

/** The graph of controllers: an edge from what a controller manages to each type that it watches or owns. `types` adds some that no controller may know. */
export function dependencyGraph(
  controllers: readonly ControllerTypes[],
  types: readonly ResourceType[] = [],
): DependencyGraph {
  const dependencies = controllers.flatMap(({ type, watches = [], owns = [] }) =>
    [...watches.map((watch) => ("gvk" in watch ? watch : watch.type)), ...owns].map((other) => {
      return { from: nodeName(type), to: nodeName(other) };
    }),
  );
  return graphOf(dependencies, [...types, ...controllers.map(({ type }) => type)].map(nodeName));
}

/** The graph with these edges, each once, and these nodes besides theirs. */
export function graphOf(dependencies: readonly Dependency[], types: readonly string[] = []): DependencyGraph {
  const edges = new Map(dependencies.map((one) => [edgeText(one), one]));
  const all = new Set([...types, ...dependencies.flatMap(({ from, to }) => [from, to])]);
  return {
    types: [...all].sort(),
    dependencies: [...edges].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, edge]) => edge),
  };
}

/** The graph as a Mermaid flowchart, sorted; a type that has nothing to do with others has a line of its own. */
export function toMermaid({ types, dependencies }: DependencyGraph): string {
  const connected = new Set(dependencies.flatMap(({ from, to }) => [from, to]));
  const lines = [...dependencies.map(edgeText), ...types.filter((type) => !connected.has(type))].sort();
  return ["flowchart TD", ...lines.map((line) => `  ${line}`)].join("\n");
}

function edgeText({ from, to }: Dependency): string {
  return `${from} --> ${to}`;
}

function nodeName({ group, groupVersion, kind }: ResourceType): string {
  return `${group}/${groupVersion}/${kind}`.toLowerCase();
}
