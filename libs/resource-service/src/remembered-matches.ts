import { RE2JS } from "@bufbuild/re2";

/** Answers that are remembered: names, hosts and addresses that many resources repeat. */
const MAX_REMEMBERED = 16_384;
/** Longer texts seldom come again, and would take the memory of many. */
const MAX_LENGTH = 256;

/** Tells of a text whether a pattern matches any part of it. */
export type Matcher = (text: string) => boolean;

/** Compiles a pattern of RE2's syntax, which protovalidate's `string.pattern` and CEL's `matches()` speak; throws when it is none. */
export function compileRe2(pattern: string): Matcher {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.test(text);
}

/**
 * Compiles each pattern and asks it about each text once, as long as the answer is remembered. A resource of a hundred endpoints repeats with each write what it said before,
 * and matching took a third of its validation. When there is too much, all of it is forgotten: rules may make patterns of what they are given.
 */
export function rememberMatches(
  compile: (pattern: string) => Matcher,
  maxRemembered = MAX_REMEMBERED,
): (pattern: string, text: string) => boolean {
  const patterns = new Map<string, { readonly match: Matcher; readonly answers: Map<string, boolean> }>();
  let count = 0;
  return (pattern, text) => {
    const known = patterns.get(pattern);
    const remembered = known?.answers.get(text);
    if (remembered !== undefined) return remembered;
    const { match, answers } = known ?? { match: compile(pattern), answers: new Map<string, boolean>() };
    const answer = match(text);
    if (count >= maxRemembered) {
      patterns.clear();
      answers.clear();
      count = 0;
    }
    if (!patterns.has(pattern)) {
      patterns.set(pattern, { match, answers });
      count += 1;
    }
    if (text.length <= MAX_LENGTH) {
      answers.set(text, answer);
      count += 1;
    }
    return answer;
  };
}
