import { isMap, isSeq, type Node } from "yaml";

import { entriesOf, type ManifestDocument, offsetOf, resolveNode } from "./document.ts";
import { parsePath, pathText, type Step } from "./field-path.ts";

/** A server's violation in the manifest's terms. */
export interface LocatedField {
  /** The character where the deepest part of the field that is written down begins. */
  readonly offset: number;
  /** The field as the manifest calls it; the server's own words when they name no field of the manifest. */
  readonly path: string;
}

/**
 * Finds the field that a server's violation names (`resource.data.ports[0].target_port`) in the manifest's text. A field that is left out is
 * where its parent is.
 */
export function locateField(manifest: ManifestDocument, field: string): LocatedField {
  const start = offsetOf(manifest.root, 0);
  const steps = parsePath(field);
  if (steps === undefined) return { offset: start, path: field };
  const wanted = manifestSteps(manifest, withoutResource(steps));
  let node: Node | undefined = manifest.root;
  let offset = start;
  for (const step of wanted) {
    const found: { value: unknown; offset: number } | undefined = childOf(
      resolveNode(manifest.document, node),
      step,
    );
    if (found === undefined) break;
    offset = found.offset;
    node = resolveNode(manifest.document, found.value);
  }
  return { offset, path: pathText(wanted.map(camelCased)) };
}

function withoutResource(steps: readonly Step[]): readonly Step[] {
  const [first] = steps;
  return first !== undefined && "field" in first && first.field === "resource" ? steps.slice(1) : steps;
}

const TOP_LEVEL = new Set([
  "id",
  "owner",
  "metadata",
  "data",
  "type",
  "name",
  "partition",
  "namespace",
  "status",
  "version",
  "generation",
  "uid",
]);

/** The same field in the form that the manifest is written in: a manifest's own fields stand for the wire's `id`; a payload's field may come without `data`. */
function manifestSteps({ document, root }: ManifestDocument, steps: readonly Step[]): readonly Step[] {
  const [first] = steps;
  if (first === undefined || !("field" in first)) return steps;
  if (!TOP_LEVEL.has(first.field)) return [{ field: "data" }, ...steps];
  if (first.field === "owner") return [first, ...withoutTenancy(document, root, steps.slice(1), "owner")];
  if (first.field !== "id" || childOf(root, first) !== undefined) return steps;
  return withoutTenancy(document, root, steps.slice(1), undefined);
}

function withoutTenancy(
  document: ManifestDocument["document"],
  root: Node,
  steps: readonly Step[],
  parent: string | undefined,
): readonly Step[] {
  const [first] = steps;
  if (first === undefined || !("field" in first) || first.field !== "tenancy") return steps;
  const container =
    parent === undefined ? root : resolveNode(document, childOf(root, { field: parent })?.value);
  return childOf(container, first) === undefined ? steps.slice(1) : steps;
}

function childOf(node: Node | undefined, step: Step): { value: unknown; offset: number } | undefined {
  if (isSeq(node)) {
    const index = "index" in step ? step.index : -1;
    const item = node.items[index];
    return item === undefined ? undefined : { value: item, offset: offsetOf(item, offsetOf(node, 0)) };
  }
  if (!isMap(node)) return undefined;
  const entries = entriesOf(node);
  const wanted = "field" in step ? step.field : "key" in step ? step.key : String(step.index);
  const found =
    entries.find(({ key }) => key === wanted) ??
    ("field" in step ? entries.find(({ key }) => plain(key) === plain(wanted)) : undefined);
  return found === undefined ? undefined : { value: found.value, offset: found.offset };
}

function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

function camelCased(step: Step): Step {
  return "field" in step
    ? { field: step.field.replaceAll(/_([a-z\d])/g, (_, letter: string) => letter.toUpperCase()) }
    : step;
}
