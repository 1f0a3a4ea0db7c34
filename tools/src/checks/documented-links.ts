import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import type { PageFinding } from "./markdown-files.ts";

/** `[text](target)` and `[name]: target`, without titles. */
const LINK = /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+<?(\S+?)>?$/g;
const ELSEWHERE = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i;

/** The relative links of a page that lead to no file, or to a heading that its page does not have. */
export function brokenLinks(file: string, text: string): readonly PageFinding[] {
  return linesOutsideCode(text).flatMap(({ line, content }) =>
    [...content.replaceAll(/`[^`]*`/g, "").matchAll(LINK)].flatMap((match) => {
      const target = match[1] ?? match[2] ?? "";
      if (ELSEWHERE.test(target)) return [];
      const description = judge(file, text, target);
      return description === undefined ? [] : [{ line, description }];
    }),
  );
}

function judge(file: string, text: string, target: string): string | undefined {
  const [path = "", heading] = target.split("#", 2);
  if (path === "")
    return headingsOf(text).has(heading ?? "") ? undefined : `links to ${target}, which is no heading here`;
  const linked = join(dirname(file), decodeURI(path));
  if (path.startsWith("/")) return `links to ${target}: a link of the repository is relative`;
  if (!existsSync(linked)) return `links to ${target}, which does not exist`;
  if (heading === undefined || !statSync(linked).isFile() || !linked.endsWith(".md")) return undefined;
  return headingsOf(readFileSync(linked, "utf8")).has(heading)
    ? undefined
    : `links to ${target}, and ${path} has no such heading`;
}

function headingsOf(text: string): ReadonlySet<string> {
  const titles = linesOutsideCode(text).flatMap(({ content }) => /^#+\s+(.*)$/.exec(content)?.[1] ?? []);
  return new Set(titles.map(anchorOf));
}

/** As pages are shown: lower case, without punctuation, spaces as hyphens. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");
}

/** A page's lines without fenced blocks. */
function linesOutsideCode(text: string): readonly { line: number; content: string }[] {
  let fenced = false;
  return text.split("\n").flatMap((content, index) => {
    if (/^\s*(```|~~~)/.test(content)) {
      fenced = !fenced;
      return [];
    }
    return fenced ? [] : [{ line: index + 1, content }];
  });
}
