import type { Editor } from "../editing/editor.ts";

/** An editor without a process or a file: each time that it is opened, the next of its changes is made to the text. */
export interface MemoryEditor extends Editor {
  /** The texts that it was opened with. */
  readonly opened: readonly string[];
  /** The files that were not discarded, with what they hold. */
  readonly files: ReadonlyMap<string, string>;
}

/** Makes an editor that a test's changes work in; opened more often than there are changes, it leaves the text as it is. */
export function createMemoryEditor(
  ...changes: readonly ((text: string) => string | Promise<string>)[]
): MemoryEditor {
  const opened: string[] = [];
  const files = new Map<string, string>();
  return {
    opened,
    files,
    async edit({ text, name, file = `/edits/${name}` }) {
      opened.push(text);
      const edited = (await changes[opened.length - 1]?.(text)) ?? text;
      files.set(file, edited);
      return { text: edited, file };
    },
    async discard(file) {
      files.delete(file);
    },
  };
}
