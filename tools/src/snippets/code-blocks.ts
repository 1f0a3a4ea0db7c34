/** A fenced block of a page. */
export interface CodeBlock {
  /** Of its fence, from 1. */
  readonly line: number;
  /** What the block is written in; empty when the page does not say. */
  readonly language: string;
  /** The file that it is, or that it goes on with; undefined for what is only looked at. */
  readonly file: string | undefined;
  /** Whether it goes on with the file instead of being all of it. */
  readonly adds: boolean;
  readonly text: string;
  /** The heading above it, of the second level; empty before the first. */
  readonly section: string;
}

/** The fenced blocks of a page. A fence says after its language which file the block is (`file=site.ts`) or goes on with (`add-to=site.test.ts`). */
export function codeBlocks(page: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let section = "";
  let open: Omit<CodeBlock, "text"> | undefined;
  let lines: string[] = [];
  for (const [index, line] of page.split("\n").entries()) {
    const fence = /^```(.*)$/.exec(line)?.[1];
    if (open !== undefined && fence === "") {
      blocks.push({ ...open, text: `${lines.join("\n")}\n` });
      open = undefined;
    } else if (open !== undefined) {
      lines.push(line);
    } else if (fence !== undefined) {
      open = { line: index + 1, section, ...readInfo(fence) };
      lines = [];
    } else {
      section = /^## (.*)$/.exec(line)?.[1] ?? section;
    }
  }
  return blocks;
}

function readInfo(info: string): Pick<CodeBlock, "language" | "file" | "adds"> {
  const [language = "", ...words] = info.trim().split(/\s+/);
  const whole = words.find((word) => word.startsWith("file="))?.slice("file=".length);
  const more = words.find((word) => word.startsWith("add-to="))?.slice("add-to=".length);
  return { language, file: whole ?? more, adds: whole === undefined && more !== undefined };
}
