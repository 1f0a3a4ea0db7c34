import type { ScriptDifference } from "./run-script.ts";

/** A difference for people: the directive, then its output with `-` before lines that are missing and `+` before new ones. */
export function describeDifference(file: string, { directive, expected, actual }: ScriptDifference): string {
  const args = directive.args.map(({ key, isNamed, values }) =>
    !isNamed ? key : `${key}=(${values.join(",")})`,
  );
  const title = [`${file}:${directive.line}:`, directive.command, ...args].join(" ");
  const input = directive.input === "" ? [] : directive.input.split("\n").map((line) => `  > ${line}`);
  return [title, ...input, ...lineDifference(expected, actual)].join("\n");
}

function lineDifference(expected: readonly string[], actual: readonly string[]): string[] {
  const common = commonLengths(expected, actual);
  const result: string[] = [];
  let e = 0;
  let a = 0;
  while (e < expected.length || a < actual.length) {
    if (e < expected.length && a < actual.length && expected[e] === actual[a]) {
      result.push(`    ${expected[e++] ?? ""}`);
      a++;
    } else if (a >= actual.length || (e < expected.length && at(common, e + 1, a) >= at(common, e, a + 1))) {
      result.push(`  - ${expected[e++] ?? ""}`);
    } else {
      result.push(`  + ${actual[a++] ?? ""}`);
    }
  }
  return result;
}

/** Per pair of positions, how many lines the rests have in common, in order. */
function commonLengths(expected: readonly string[], actual: readonly string[]): number[][] {
  const lengths = Array.from({ length: expected.length + 1 }, () =>
    Array.from({ length: actual.length + 1 }, () => 0),
  );
  for (let e = expected.length - 1; e >= 0; e--) {
    const row = lengths[e] ?? [];
    for (let a = actual.length - 1; a >= 0; a--) {
      row[a] =
        expected[e] === actual[a]
          ? at(lengths, e + 1, a + 1) + 1
          : Math.max(at(lengths, e + 1, a), at(lengths, e, a + 1));
    }
  }
  return lengths;
}

function at(lengths: readonly (readonly number[])[], e: number, a: number): number {
  return lengths[e]?.[a] ?? 0;
}
