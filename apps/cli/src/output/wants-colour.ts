/** The variables that say what a terminal is to be given. */
export interface ColourVariables {
  readonly NO_COLOR?: string | undefined;
  readonly FORCE_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

/**
 * Whether to paint. Only terminals are painted, whatever `FORCE_COLOR` says: task runners set it for everything they start, and what is piped is read by
 * programs. `FORCE_COLOR=0` and `NO_COLOR` (https://no-color.org) turn colour off, the latter with any value but the empty one.
 */
export function wantsColour(
  { NO_COLOR, FORCE_COLOR, TERM }: ColourVariables,
  { terminals }: { readonly terminals: boolean },
): boolean {
  const off =
    (NO_COLOR !== undefined && NO_COLOR !== "") ||
    FORCE_COLOR === "0" ||
    FORCE_COLOR === "false" ||
    TERM === "dumb";
  return terminals && !off;
}
