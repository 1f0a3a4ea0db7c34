/** Log levels of scripts. The core logs nothing; `none` silences all output but errors. */
export const logLevels = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"] as const;

/** Collects what a directive prints. */
export class Output {
  #text = "";
  level = 0;

  get isQuiet(): boolean {
    return this.level === logLevels.length - 1;
  }

  get text(): string {
    return this.#text;
  }

  clear(): void {
    this.#text = "";
  }

  write(text: string): void {
    if (!this.isQuiet) this.#text += text;
  }

  writeLine(line: string): void {
    this.write(`${line}\n`);
  }

  /** Runs `print`, and puts two spaces before each line it prints. */
  indented(print: () => void): void {
    const before = this.#text;
    this.#text = "";
    try {
      print();
    } finally {
      const lines = this.#text.split("\n");
      if (lines.at(-1) === "") lines.pop();
      this.#text = before + lines.map((line) => `  ${line}\n`).join("");
    }
  }
}
