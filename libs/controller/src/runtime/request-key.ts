import type { Request } from "../controller.ts";

/** A request as one text, in the order of lists. */
export function keyOf({ partition, namespace, name }: Request): string {
  return `${partition}\0${namespace}\0${name}`;
}

/** The request that a text stands for. */
export function requestFrom(key: string): Request {
  const [partition = "", namespace = "", name = ""] = key.split("\0");
  return { partition, namespace, name };
}
