import type { Document } from "yaml";

import { foundText, offsetOf, resolveNode } from "./document.ts";
import { MAX_NESTING } from "./limits.ts";
import { pathText, type Step } from "./field-path.ts";
import type { Problem } from "./problem.ts";

/** The most values that one manifest may hold, aliases counted each time they are used. */
const MAX_VALUES = 200_000;

/** Reads one manifest's nodes and collects everything that is wrong with them. */
export class Reading {
  readonly document: Document;
  readonly problems: Problem[] = [];
  /** Where the manifest begins: the place of what is missing altogether. */
  readonly start: number;
  #values = 0;

  constructor(document: Document, start: number) {
    this.document = document;
    this.start = start;
  }

  /** Notes a problem at a node. */
  report(node: unknown, path: readonly Step[], message: string): undefined {
    this.reportAt(this.offset(node), path, message);
    return undefined;
  }

  /** Notes a problem at a character. */
  reportAt(offset: number, path: readonly Step[], message: string): void {
    this.problems.push({ offset, path: pathText(path), message });
  }

  /** Notes that something else was expected. */
  expected(node: unknown, path: readonly Step[], what: string): undefined {
    return this.report(node, path, `expected ${what}, found ${foundText(this.document, node)}`);
  }

  /** The node itself, behind aliases; undefined beyond the bounds, which is noted once. */
  enter(node: unknown, path: readonly Step[]) {
    this.#values += 1;
    if (this.#values === MAX_VALUES || path.length === MAX_NESTING)
      this.report(node, path, "the manifest is too large or nested too deeply to be read");
    return this.#values >= MAX_VALUES || path.length >= MAX_NESTING
      ? undefined
      : resolveNode(this.document, node);
  }

  offset(node: unknown): number {
    return offsetOf(node, this.start);
  }
}
