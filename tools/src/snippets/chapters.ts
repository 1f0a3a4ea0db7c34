import { posix } from "node:path";

import { type CodeBlock, codeBlocks } from "./code-blocks.ts";

/** What a reader has after a section of a page that shows a test. */
export interface Chapter {
  /** The section's heading. */
  readonly section: string;
  /** Texts by path, as the page has given them up to here. */
  readonly files: ReadonlyMap<string, string>;
}

/** Which states of a reader's folder are asked for. */
export interface ChapterOptions {
  /** Also the one at the end of the page, though no test comes after it. */
  readonly toEnd?: boolean;
}

/** The states of a reader's folder, one for each section with a test. Throws for a page that cannot be followed: with the line, and what is wrong there. */
export function chaptersOf(page: string, { toEnd = false }: ChapterOptions = {}): readonly Chapter[] {
  const files = new Map<string, string>();
  const chapters = new Map<string, Chapter>();
  for (const block of codeBlocks(page)) {
    const { file, adds, text, section, line } = block;
    if (file === undefined) continue;
    if (file.startsWith("/") || posix.normalize(file).startsWith(".."))
      throw new Error(`${line}: ${file} leads out of the reader's folder: give a path within it`);
    const former = files.get(file);
    if (adds && former === undefined)
      throw new Error(
        `${line}: adds to ${file}, which the page has not shown: use file=${file} for the first block`,
      );
    files.set(file, adds ? `${former}\n${text}` : text);
    const isChapter = chapters.has(section) || file.endsWith(".test.ts");
    if (isChapter) chapters.set(section, { section, files: new Map(files) });
  }
  return [...chapters.values(), ...(toEnd ? [{ section: "", files }] : [])];
}

/** TypeScript that a page shows and no test sees: blocks that are no file, and what comes behind the last section with a test. */
export function untestedBlocks(page: string): readonly CodeBlock[] {
  const blocks = codeBlocks(page);
  const tested = blocks.findLast(({ file }) => file?.endsWith(".test.ts") === true)?.section;
  const end = blocks.findLastIndex(({ section }) => section === tested);
  return blocks.filter(({ language, file }, at) => language === "ts" && (file === undefined || at > end));
}

/** The commands of a page's `sh` blocks that begin with these words, without comments. */
export function commandsOf(page: string, beginning: string): readonly string[] {
  return codeBlocks(page)
    .filter(({ language }) => language === "sh")
    .flatMap(({ text }) => text.replaceAll("\\\n", " ").split("\n"))
    .map((command) => command.replace(/(^|\s)#.*$/, "").trim())
    .filter((command) => command.startsWith(beginning));
}
