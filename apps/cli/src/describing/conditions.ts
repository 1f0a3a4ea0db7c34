import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type Condition,
  Condition_State,
  type Resource,
  type Status,
} from "@trellis/protos/trellis/resource/v1/resource_pb";

import { durationText } from "../output/age.ts";
import type { Paint, Tone } from "../output/paint.ts";
import { printable } from "../output/printable.ts";
import { pad, widthOf } from "../output/table.ts";
import { clip } from "../output/wrap.ts";
import { isCurrent } from "../readiness.ts";
import { stateText } from "../waiting/awaited.ts";

interface Found {
  readonly key: string;
  readonly status: Status;
  readonly condition: Condition;
}

/** How to lay conditions out. */
export interface ConditionOptions {
  readonly nowMs: number;
  readonly paint: Paint;
  /** The width of a line; undefined where nothing is cut. */
  readonly columns: number | undefined;
}

const ORDER: readonly Condition_State[] = [
  Condition_State.FALSE,
  Condition_State.UNKNOWN,
  Condition_State.TRUE,
];
const TONES: Readonly<Record<number, Tone>> = {
  [Condition_State.FALSE]: "bad",
  [Condition_State.UNKNOWN]: "warning",
  [Condition_State.TRUE]: "good",
};
/** Room that a message is given however narrow the terminal. */
const MIN_MESSAGE_WIDTH = 16;

/** One line per condition, what is not well first: type, state, reason, age, message. The type has its status's key where two have the same. */
export function conditionLines(resource: Resource, options: ConditionOptions): readonly string[] {
  const found = conditionsOf(resource);
  const rows = found.map(({ key, status, condition }) => {
    const { type, state, reason, message } = condition;
    const twice = found.some((other) => other.condition.type === type && other.key !== key);
    const old = isCurrent(status, resource) ? "" : "(before the last change) ";
    return {
      tone: TONES[state] ?? "quiet",
      cells: [
        twice ? `${key}:${type}` : type,
        stateText(state),
        reason || "-",
        ageText(status, options.nowMs),
      ],
      message: printable(`${old}${message}`),
    };
  });
  const widths = COLUMNS.map((column) =>
    Math.max(...rows.map(({ cells }) => widthOf(printable(cells[column] ?? "")))),
  );
  return rows.map(({ tone, cells, message }) => {
    const start = cells.map((cell, column) => pad(printable(cell), widths[column] ?? 0)).join("  ");
    const room = (options.columns ?? Number.POSITIVE_INFINITY) - widthOf(start) - BULLET_WIDTH - 2;
    const words = clip(message, Math.max(MIN_MESSAGE_WIDTH, room));
    const [type = "", state = "", ...rest] = cells.map((cell, column) =>
      pad(printable(cell), widths[column] ?? 0),
    );
    const { paint } = options;
    return `${paint[tone]("●")} ${type}  ${paint[tone](state)}  ${rest.join("  ")}  ${paint.quiet(words)}`.trimEnd();
  });
}

/** The columns before the message. */
const COLUMNS = [0, 1, 2, 3] as const;
const BULLET_WIDTH = 2;

function conditionsOf({ status }: Resource): readonly Found[] {
  return Object.entries(status)
    .flatMap(([key, one]) => one.conditions.map((condition) => ({ key, status: one, condition })))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.condition.state) - ORDER.indexOf(b.condition.state) ||
        (a.condition.type < b.condition.type ? -1 : 1),
    );
}

function ageText({ updatedAt }: Status, nowMs: number): string {
  return updatedAt === undefined ? "-" : durationText(Math.max(0, nowMs - timestampMs(updatedAt)));
}
