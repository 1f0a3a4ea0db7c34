import { BUSY_GENERATOR } from "../report.ts";
import { type Column, table } from "../table.ts";
import type { Figures } from "./figures.ts";
import type { Room } from "./room.ts";

const floorColumns: readonly Column<Figures>[] = [
  ["row", ({ name }) => name],
  ["ops/s", ({ opsPerSecond }) => Math.round(opsPerSecond).toLocaleString("en")],
  ["CPU µs/op", ({ cpuUs }) => microseconds(cpuUs)],
  ["generator µs/op", ({ generatorUs }) => microseconds(generatorUs)],
];

const roomColumns: readonly Column<Room>[] = [
  ["target", ({ scenario, times }) => `${scenario}, ${times.toFixed(1)}×`],
  ["etcd µs", ({ etcdUs }) => microseconds(etcdUs)],
  ["target µs", ({ targetUs }) => microseconds(targetUs)],
  ["floor", ({ rows }) => rows.join(" and ")],
  ["floor µs", ({ floorUs }) => microseconds(floorUs)],
  ["left µs", ({ leftUs }) => microseconds(leftUs)],
];

/** What each row takes, as a Markdown table. */
export function floorTable(figures: readonly Figures[]): string {
  return table(floorColumns, figures);
}

/** What each target leaves, as such a table. */
export function roomTable(rooms: readonly Room[]): string {
  return table(roomColumns, rooms);
}

/** What a reader of the figures has to know besides: where the generator may have been the limit, and where calls failed. */
export function remarks(figures: readonly Figures[]): readonly string[] {
  const busy = figures.filter(({ generatorBusy }) => generatorBusy >= BUSY_GENERATOR);
  const names = busy.map(({ name }) => name).join(", ");
  const failed = figures.filter(({ failures }) => failures > 0);
  return [
    ...(busy.length === 0
      ? []
      : [`the generator may be the limit of ${names}: trust the CPU, not the operations a second`]),
    ...failed.map(({ name, failures }) => `${name}: ${failures} calls failed`),
  ];
}

/** One decimal, and two for what would be little else than noise with one. */
function microseconds(us: number): string {
  return us.toFixed(Math.abs(us) < 10 ? 2 : 1);
}
