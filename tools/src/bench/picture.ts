import type { Comparison } from "./targets.ts";

const LABEL_WIDTH = 170;
const BAR_WIDTH = 440;
const RIGHT = 150;
const ROW_HEIGHT = 34;
const BAR_HEIGHT = 16;
const TOP = 58;
const BOTTOM = 16;
const STYLE = `text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#57606a}.met{fill:#2da44e}.missed{fill:#cf222e}.axis{stroke:#8c959f}.target{stroke:#24292f;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.target{stroke:#e6edf3}}`;

/** The comparisons as an SVG picture: a bar for each, as long as Trellis's operations for a CPU second are many times etcd's, on a scale where doubling is one length, and a mark where the target is. */
export function picture(comparisons: readonly Comparison[], caption: string): string {
  const scale = scaleOf(comparisons);
  const width = LABEL_WIDTH + BAR_WIDTH + RIGHT;
  const height = TOP + comparisons.length * ROW_HEIGHT + BOTTOM;
  const one = scale(1);
  const rows = comparisons.map((comparison, at) => bar(comparison, TOP + at * ROW_HEIGHT, scale));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Operations per server CPU second, Trellis beside etcd">
<style>${STYLE}</style>
<text x="0" y="16">Operations per second of server CPU: how many times etcd’s</text>
<text class="small" x="0" y="34">${escaped(caption)}</text>
<text class="small" x="${one}" y="50" text-anchor="middle">etcd</text>
<line class="axis" x1="${one}" x2="${one}" y1="54" y2="${height - BOTTOM}"/>
${rows.join("\n")}
</svg>
`;
}

function bar(
  { scenario, perCpuSecond, target, met }: Comparison,
  y: number,
  scale: (ratio: number) => number,
): string {
  const [from, to] = [scale(1), scale(perCpuSecond)].toSorted((a, b) => a - b) as [number, number];
  const wanted = scale(target.perCpuSecond);
  const middle = y + BAR_HEIGHT / 2 + 5;
  return `<text x="${LABEL_WIDTH - 12}" y="${middle}" text-anchor="end">${escaped(scenario)}</text>
<rect class="${met ? "met" : "missed"}" x="${from}" y="${y}" width="${Math.max(1, to - from)}" height="${BAR_HEIGHT}" rx="2"/>
<line class="target" x1="${wanted}" x2="${wanted}" y1="${y - 4}" y2="${y + BAR_HEIGHT + 4}"/>
<text x="${LABEL_WIDTH + BAR_WIDTH + 16}" y="${middle}">${perCpuSecond.toFixed(2)}× <tspan class="small">of ${target.perCpuSecond}×</tspan></text>`;
}

/** Places of ratios: by their logarithms, with some room beyond the least and the greatest. */
function scaleOf(comparisons: readonly Comparison[]): (ratio: number) => number {
  const ratios = comparisons.flatMap(({ perCpuSecond, target }) => [perCpuSecond, target.perCpuSecond]);
  const least = Math.log2(Math.min(0.8, ...ratios));
  const greatest = Math.log2(Math.max(2, ...ratios));
  return (ratio) => Math.round(LABEL_WIDTH + ((Math.log2(ratio) - least) / (greatest - least)) * BAR_WIDTH);
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
