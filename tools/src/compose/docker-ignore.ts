interface Rule {
  readonly pattern: RegExp;
  readonly isException: boolean;
}

/**
 * Which paths of a build's context a .dockerignore keeps out: the last rule decides that matches a path or a folder above it. Paths are relative, with `/`.
 */
export function dockerIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(ruleOf);
  return (path) => {
    const parts = path.split("/");
    const withFolders = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
    const last = rules.findLast(({ pattern }) => withFolders.some((each) => pattern.test(each)));
    return last !== undefined && !last.isException;
  };
}

function ruleOf(line: string): Rule {
  const isException = line.startsWith("!");
  const glob = (isException ? line.slice(1) : line).replace(/^\/|\/$/g, "");
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/\*\*\/|\*\*|\*|\?/g, (wild) => WILD[wild] ?? wild);
  return { pattern: new RegExp(`^${source}$`), isException };
}

const WILD: Readonly<Record<string, string>> = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" };
