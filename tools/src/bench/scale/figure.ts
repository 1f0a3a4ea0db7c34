/** What a figure is counted in. */
export type Unit = "µs" | "ms" | "s" | "bytes" | "×" | "/s" | "";

/** One figure of a part. */
export interface Figure {
  /** What it is, for people. */
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** The most that it is to be, where the project has set that. */
  readonly target?: number;
  /** What a reader has to know besides. */
  readonly note?: string;
}

/** What a part gave. */
export interface PartResult {
  readonly part: string;
  readonly figures: readonly Figure[];
  /** What went wrong, in a line each; none of it is in the figures. */
  readonly failures: readonly string[];
}

/** A figure as people read it. */
export function figureText({ value, unit }: Pick<Figure, "value" | "unit">): string {
  switch (unit) {
    case "×":
      return `${value.toFixed(2)}×`;
    case "µs":
    case "ms":
      return `${value.toFixed(1)} ${unit}`;
    case "s":
      return `${value.toFixed(2)} s`;
    case "bytes":
      return `${whole(value)} bytes`;
    case "/s":
      return `${whole(value)}/s`;
    case "":
      return whole(value);
  }
}

/** A number without fractions, its thousands apart. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
