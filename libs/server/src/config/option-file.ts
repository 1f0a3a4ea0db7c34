import { ConfigError } from "./config-error.ts";

/**
 * Reads the file that an option names, and takes its text through `parse`. Throws a ConfigError that names the option and the file, with what
 * kept the file from being read, or what `parse` says; never the text: it may be a secret.
 */
export function readOptionFile<T>(
  key: string,
  path: string,
  readFile: (path: string) => string,
  parse: (text: string) => T,
): T {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    throw new ConfigError([`--${key}: expected a file that can be read; found ${path} (${code})`]);
  }
  try {
    return parse(text);
  } catch (error) {
    throw new ConfigError([`--${key}: ${path}: ${(error as Error).message}`]);
  }
}
