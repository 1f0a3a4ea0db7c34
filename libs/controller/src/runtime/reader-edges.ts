import type { Asked } from "./asked-texts.ts";
import type { CacheChange } from "./type-cache.ts";
import { isAnyTenancy, type Question, typeAsked, TypeQuestions } from "./type-questions.ts";

export type { Question } from "./type-questions.ts";

/** Different questions about one type that are kept for one name. Beyond, every change of the type concerns the name. */
export const MAX_QUESTIONS = 256;

/** What one run asks. */
export interface ReaderRun {
  /** Counts from now on, beside what former runs asked. Nothing is recorded after the end. */
  readonly record: (question: Question) => void;
  /** `well`: what this run asked replaces what former runs did. Otherwise both count. Once is enough. */
  readonly end: (how: "well" | "failed") => void;
}

/** What one run has asked so far. */
interface RunAsked {
  readonly asked: Set<Asked>;
  /** How many of them are about each type. */
  readonly counts: Map<string, number>;
  /** Types of which every change concerns the run. */
  readonly wide: Set<string>;
}

/**
 * Which names asked their caches what, so that a change finds those to whom it matters: by what the resource was and by what it is. The time for that does not grow with the
 * number of names. What a run asks counts at once; what the runs before it asked counts until it has ended well.
 */
export class ReaderEdges {
  readonly #types = new Map<string, TypeQuestions>();
  /** What each name asked since the last of its runs that ended well began. */
  readonly #kept = new Map<string, readonly Asked[]>();

  /** Names of which something is known, and different questions. */
  get size(): { readonly names: number; readonly questions: number } {
    const questions = [...this.#types.values()].reduce((sum, { size }) => sum + size, 0);
    return { names: this.#kept.size, questions };
  }

  /** Begins a run of a name. */
  begin(name: string): ReaderRun {
    const run: RunAsked = { asked: new Set(), counts: new Map(), wide: new Set() };
    let ended = false;
    return {
      record: (question) => {
        if (!ended) this.#record(name, run, question);
      },
      end: (how) => {
        if (ended) return;
        ended = true;
        if (how === "failed") this.#addKept(name, run);
        this.#keep(name, run.asked);
      },
    };
  }

  /** The names that asked something of which the answer changed. */
  concernedBy(type: string, change: CacheChange): ReadonlySet<string> {
    const readers = new Set<string>();
    this.#types.get(type)?.collect(change, readers);
    return readers;
  }

  /** Forgets what a name asked. */
  forget(name: string): void {
    this.#keep(name, new Set());
  }

  #record(name: string, run: RunAsked, question: Question): void {
    const type = typeAsked(question);
    if (run.wide.has(type)) return;
    if (isWide(question)) this.#widen(name, run, type);
    else this.#add(name, run, this.#ask(question, name));
  }

  #add(name: string, run: RunAsked, asked: Asked): void {
    const { type } = asked.texts;
    if (run.wide.has(type) || run.asked.has(asked)) return;
    run.asked.add(asked);
    const count = (run.counts.get(type) ?? 0) + 1;
    run.counts.set(type, count);
    if (count > MAX_QUESTIONS) this.#widen(name, run, type);
  }

  /** One question for all that a run asked, or will ask, about a type. */
  #widen(name: string, run: RunAsked, type: string): void {
    const kept = new Set(this.#kept.get(name));
    for (const asked of run.asked) {
      if (asked.texts.type !== type) continue;
      run.asked.delete(asked);
      if (!kept.has(asked)) asked.texts.remove(asked, name);
    }
    run.asked.add(this.#ask({ kind: "list", type }, name));
    run.wide.add(type);
  }

  /** What former runs asked goes on to count. */
  #addKept(name: string, run: RunAsked): void {
    for (const asked of this.#kept.get(name) ?? []) this.#add(name, run, asked);
  }

  #keep(name: string, asked: ReadonlySet<Asked>): void {
    for (const former of this.#kept.get(name) ?? [])
      if (!asked.has(former)) former.texts.remove(former, name);
    // Added once more: another run of the name may have ended meanwhile, and taken away what this one asked too.
    const kept = [...asked].map(({ texts, text }) => texts.add(text, name));
    if (kept.length === 0) this.#kept.delete(name);
    else this.#kept.set(name, kept);
  }

  #ask(question: Question, name: string): Asked {
    const type = typeAsked(question);
    let questions = this.#types.get(type);
    if (questions === undefined) {
      questions = new TypeQuestions(type);
      this.#types.set(type, questions);
    }
    return questions.add(question, name);
  }
}

/** Whether every change of the type changes the answer. */
function isWide(question: Question): boolean {
  return question.kind === "list" && isAnyTenancy(question.tenancy);
}
