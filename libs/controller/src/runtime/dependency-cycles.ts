import type { DependencyGraph } from "./dependency-graph.ts";

/** Types that depend on each other, however many. */
export interface DependencyCycle {
  /** Every type that depends on every other one of them, in order. */
  readonly types: readonly string[];
  /** One shortest way around from the first of them, which is its first and its last element. */
  readonly path: readonly string[];
}

/**
 * The cycles of a graph: its strongly connected components of two types and more. A type that depends on itself only is none: a controller may look at
 * the neighbours of what it reconciles.
 */
export function dependencyCycles(graph: DependencyGraph): readonly DependencyCycle[] {
  const next = neighbours(graph);
  return components(graph.types, next)
    .filter(({ length }) => length > 1)
    .map((types) => types.toSorted())
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1))
    .map((types) => ({ types, path: shortestWayAround(types, next) }));
}

/** A cycle in words. */
export function cycleText({ types, path }: DependencyCycle): string {
  const others = types.filter((type) => !path.includes(type));
  const more = others.length === 0 ? "" : `, and with them ${others.join(", ")}`;
  return `types depend on each other: ${path.join(" → ")}${more}; a change goes round until a controller writes nothing new`;
}

type Neighbours = ReadonlyMap<string, readonly string[]>;

function neighbours({ types, dependencies }: DependencyGraph): Neighbours {
  const next = new Map<string, string[]>(types.map((type) => [type, []]));
  for (const { from, to } of dependencies) next.get(from)?.push(to);
  return next;
}

/**
 * Strongly connected components after Tarjan, 1972. A type's `low` is the smallest number that it reaches over types still on the stack; a type that reaches
 * nothing before itself is the root of a component, which is what lies on the stack above it. Depth is bounded by the number of types.
 */
function components(types: readonly string[], next: Neighbours): string[][] {
  const number = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];

  function visit(type: string): number {
    const own = number.size;
    number.set(type, own);
    let lowest = own;
    stack.push(type);
    for (const other of next.get(type) ?? []) {
      if (!number.has(other)) lowest = Math.min(lowest, visit(other));
      else if (stack.includes(other)) lowest = Math.min(lowest, number.get(other) ?? own);
    }
    if (lowest === own) found.push(stack.splice(stack.indexOf(type)));
    return lowest;
  }

  for (const type of types) if (!number.has(type)) visit(type);
  return found;
}

/** Breadth first, so that no shorter one is there; within one component there always is one. */
function shortestWayAround(types: readonly string[], next: Neighbours): readonly string[] {
  const [start = ""] = types;
  const inside = new Set(types);
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const type of queue) {
    for (const other of next.get(type) ?? []) {
      if (other === start && type !== start) return wayBack(type, start, cameFrom);
      if (other === start || !inside.has(other) || cameFrom.has(other)) continue;
      cameFrom.set(other, type);
      queue.push(other);
    }
  }
  throw new Error(`no way around from ${start}`);
}

function wayBack(last: string, start: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const path = [start];
  for (let type: string | undefined = last; type !== undefined; type = cameFrom.get(type)) path.unshift(type);
  return path;
}
