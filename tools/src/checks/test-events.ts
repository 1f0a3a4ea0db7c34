/** What begins each line that tells of an event. */
export const EVENT_MARK = "@trellis-test ";

/** What happens in a run of the tests. Paths are absolute. */
export type TestEvent =
  | { readonly kind: "run"; readonly files: number }
  | { readonly kind: "start"; readonly path: string }
  | { readonly kind: "end"; readonly path: string; readonly passed: number; readonly failed: number }
  | { readonly kind: "complete" };

/** Takes the lines of a run's output apart: calls back for each event, once its line is whole. */
export function createEventReader(onEvent: (event: TestEvent) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const at = line.indexOf(EVENT_MARK);
      if (at >= 0) onEvent(JSON.parse(line.slice(at + EVENT_MARK.length)) as TestEvent);
    }
  };
}
