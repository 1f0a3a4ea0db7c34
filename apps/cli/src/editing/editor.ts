/** A text that somebody is to edit. */
export interface Draft {
  readonly text: string;
  /** What the file is called, ending included. */
  readonly name: string;
  /** The file of the round before, to be opened again; undefined in the first. */
  readonly file: string | undefined;
}

/** A text that somebody has edited. */
export interface EditedText {
  readonly text: string;
  /** Where it is, until it is discarded. */
  readonly file: string;
}

/** The text editor of the person at the terminal. */
export interface Editor {
  /** Opens a text and resolves when the editor was closed. Throws a CliError when it cannot be started or ends with an error. */
  edit(draft: Draft): Promise<EditedText>;
  /** Removes the file of an edit that is no longer needed. */
  discard(file: string): Promise<void>;
}
