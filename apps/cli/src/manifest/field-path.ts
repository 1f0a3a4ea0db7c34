/** A step into a manifest: a field's name, a list's index, a map's key. */
export type Step = { readonly field: string } | { readonly index: number } | { readonly key: string };

/** A path of steps as people read it: `data.ports[0].targetPort`, `metadata["a.b"]`. */
export function pathText(steps: readonly Step[]): string {
  return steps.reduce<string>((text, step) => {
    if ("index" in step) return `${text}[${step.index}]`;
    if ("key" in step) return `${text}[${JSON.stringify(step.key)}]`;
    return text === "" ? step.field : `${text}.${step.field}`;
  }, "");
}

const STEP = /\.?([A-Za-z_@][\w-]*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[([^\]"]*)\]/gy;

/**
 * Reads a path as servers write it (`resource.data.ports[0].target_port`, `ports["http"].port`, `status[a/b].state`). Undefined for a text that is
 * not one.
 */
export function parsePath(text: string): readonly Step[] | undefined {
  const steps: Step[] = [];
  let end = 0;
  for (const match of text.matchAll(STEP)) {
    const [whole, field, index, quoted, bare] = match;
    if (field !== undefined) steps.push({ field });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else steps.push({ key: quoted?.replaceAll(/\\(.)/g, "$1") ?? bare ?? "" });
    end = match.index + whole.length;
  }
  return end === text.length && end > 0 ? steps : undefined;
}
