import { labelOfId } from "../manifest/load.ts";
import { ageOf } from "../output/age.ts";
import { createPaint } from "../output/paint.ts";
import { printable } from "../output/printable.ts";
import { pad, widthOf } from "../output/table.ts";
import { clip } from "../output/wrap.ts";
import { readinessOf } from "../readiness.ts";
import type { TypeCatalog } from "../types/type-catalog.ts";
import type { TreeNode } from "./grow.ts";

/** What drawing a tree needs. */
export interface DrawOptions {
  readonly catalog: TypeCatalog;
  readonly nowMs: number;
  readonly colour: boolean;
  /** The width of the terminal; undefined for none, where nothing is cut. */
  readonly columns: number | undefined;
}

/** One line of the drawing. */
interface Row {
  /** The branches and the name. */
  readonly label: string;
  /** Undefined on lines that stand for what is left out. */
  readonly node: TreeNode | undefined;
}

/** Spaces between two columns. */
const GAP = "   ";

/** Draws a tree: a line for each resource with its age and how it is. */
export function drawTree(root: TreeNode, options: DrawOptions): string {
  const rows = rowsOf(root, options.catalog, "", "");
  const width = Math.max(...rows.map(({ label, node }) => (node === undefined ? 0 : widthOf(label))));
  const ages = rows.map(({ node }) => ageOf(node?.resource.id?.uid ?? "", options.nowMs));
  const ageWidth = Math.max(...ages.map(widthOf));
  const paint = createPaint(options.colour);
  return rows
    .map(({ label, node }, index) => {
      if (node === undefined) return `${paint.quiet(label)}\n`;
      const readiness = readinessOf(node.resource);
      const start = `${pad(label, width)}${GAP}${pad(ages[index] ?? "", ageWidth)}${GAP}`;
      if (readiness === undefined) return `${start}${paint.quiet("-")}\n`;
      const room = Math.max(MIN_TEXT_WIDTH, (options.columns ?? Number.POSITIVE_INFINITY) - widthOf(start));
      return `${start}${paint[readiness.tone](clip(printable(`● ${readiness.text}`), room))}\n`;
    })
    .join("");
}

/** Narrower terminals break the lines rather than show nothing of how a resource is. */
const MIN_TEXT_WIDTH = 12;

const LEFT_OUT = {
  depth: "… more below; see --depth",
  count: "… and more, beyond what one tree shows",
} as const;

/** `branch` stands before the resource itself, `below` before what it owns. */
function rowsOf(node: TreeNode, catalog: TypeCatalog, branch: string, below: string): readonly Row[] {
  const rows: Row[] = [{ label: `${branch}${printable(labelOfId(node.resource.id, catalog))}`, node }];
  for (const [index, child] of node.children.entries()) {
    const last = index === node.children.length - 1 && node.cut === undefined;
    rows.push(
      ...rowsOf(child, catalog, `${below}${last ? "└─ " : "├─ "}`, `${below}${last ? "   " : "│  "}`),
    );
  }
  if (node.cut !== undefined) rows.push({ label: `${below}└─ ${LEFT_OUT[node.cut]}`, node: undefined });
  return rows;
}
