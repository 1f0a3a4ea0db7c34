import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { listOwned } from "../owned.ts";
import type { Session } from "../session.ts";

/** A resource and what it owns. */
export interface TreeNode {
  readonly resource: Resource;
  readonly children: readonly TreeNode[];
  /** Why not all that it owns is here; undefined when it is. */
  readonly cut: "depth" | "count" | undefined;
}

/** How large a tree may get. */
export interface TreeBounds {
  /** Levels below the root. */
  readonly maxDepth: number;
  /** Resources in all, the root included. */
  readonly maxResources: number;
}

/** Resources whose children are asked for at the same time. */
const QUESTIONS_AT_A_TIME = 8;

/** Reads what a resource owns, and what that owns, level by level, until a bound is met. */
export async function growTree(session: Session, root: Resource, bounds: TreeBounds): Promise<TreeNode> {
  const top: GrowingNode = { resource: root, children: [], cut: undefined };
  let level = [top];
  let left = bounds.maxResources - 1;
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: GrowingNode[] = [];
    for (let at = 0; at < level.length; at += QUESTIONS_AT_A_TIME) {
      const asked = level.slice(at, at + QUESTIONS_AT_A_TIME);
      // Where nothing more may be shown, one child is enough to know that there are some.
      const limit = depth === bounds.maxDepth ? 1 : Math.max(1, left);
      const answers = await Promise.all(asked.map((node) => ownedBy(session, node.resource, limit)));
      for (const [index, node] of asked.entries()) {
        const { resources, more } = answers[index] ?? { resources: [], more: false };
        const room = depth === bounds.maxDepth ? 0 : left;
        node.children = resources
          .slice(0, room)
          .map((resource) => ({ resource, children: [], cut: undefined }));
        left -= node.children.length;
        if (more || resources.length > room) node.cut = depth === bounds.maxDepth ? "depth" : "count";
        next.push(...node.children);
      }
    }
    level = next;
  }
  return top;
}

interface GrowingNode extends TreeNode {
  children: GrowingNode[];
  cut: TreeNode["cut"];
}

async function ownedBy(session: Session, { id }: Resource, limit: number) {
  return id === undefined ? { resources: [], more: false } : listOwned(session, id, limit);
}
