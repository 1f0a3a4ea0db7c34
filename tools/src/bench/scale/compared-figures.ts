import type { Compared } from "./compared.ts";
import { type Figure, figureText } from "./figure.ts";

/** What two servers gave, as figures: the CPU of the one beside that of the other, whose name is `base`, and the ratio. */
export function comparedFigures(
  what: string,
  { baseUs, otherUs, ratio, meanRatio, leastRatio, mostRatio }: Compared,
  { base, target }: { readonly base: string; readonly target?: number | undefined },
): readonly Figure[] {
  const times = (value: number): string => figureText({ value, unit: "×" });
  return [
    {
      what: `${what}: CPU`,
      value: otherUs,
      unit: "µs",
      note: `${figureText({ value: baseUs, unit: "µs" })} with ${base}`,
    },
    {
      what: `${what}: ratio to ${base}`,
      value: ratio,
      unit: "×",
      note: `rounds ${times(leastRatio)}–${times(mostRatio)}, together ${times(meanRatio)}`,
      ...(target !== undefined && { target }),
    },
  ];
}
