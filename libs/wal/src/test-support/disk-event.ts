/** What happened to a simulated disk, in order. Files are numbers, since names move. */
export type DiskEvent =
  | { readonly kind: "write"; readonly file: number; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly file: number; readonly bytes: number }
  /** Makes durable what was written to the file before the event `covers`. */
  | { readonly kind: "sync"; readonly file: number; readonly covers: number }
  /** What was written before the event `covers` and was not durable never will be, whatever is synced later. */
  | { readonly kind: "failedSync"; readonly file: number; readonly covers: number }
  | { readonly kind: "create"; readonly name: string; readonly file: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "unlink"; readonly name: string }
  | { readonly kind: "syncDirectory"; readonly covers: number };

/** A change of the directory. */
export type NameEvent = Extract<DiskEvent, { readonly kind: "create" | "rename" | "unlink" }>;

/** A change of a file. */
export type FileEvent = Extract<DiskEvent, { readonly kind: "write" | "truncate" }>;

export function applyName(names: Map<string, number>, event: NameEvent): void {
  switch (event.kind) {
    case "create":
      names.set(event.name, event.file);
      return;
    case "unlink":
      names.delete(event.name);
      return;
    case "rename": {
      const file = names.get(event.from);
      // In a crash image the file may never have got its first name.
      if (file === undefined) return;
      names.delete(event.from);
      names.set(event.to, file);
    }
  }
}

/** A file's bytes after a change. */
export function applyToFile(content: Buffer, event: FileEvent): Buffer {
  if (event.kind === "truncate") {
    const next = Buffer.alloc(event.bytes);
    content.copy(next, 0, 0, event.bytes);
    return next;
  }
  const end = event.position + event.bytes.length;
  let next = content;
  if (content.length < end) {
    next = Buffer.alloc(end);
    content.copy(next);
  }
  event.bytes.copy(next, event.position);
  return next;
}
