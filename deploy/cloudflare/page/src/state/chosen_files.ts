/**
 * Remembers across reloads which file belongs to each unfinished upload, so that it can be recognised when it is
 * chosen again: its name, size and date, in local storage. URLs are never stored.
 */

/** What tells whether a file is the one that was chosen before. */
export interface ChosenFile {
  name: string;
  size: number;
  /** Milliseconds since 1970. */
  lastModified: number;
}

interface Remembered extends ChosenFile {
  /** When it was chosen, in milliseconds since 1970. */
  chosenAt: number;
}

const KEY = "framewright files";
/** The API forgets uploads after 6 days. */
const KEPT_MS = 7 * 86_400_000;

/** Remembers the file of an upload. */
export function rememberFile(uploadId: string, { name, size, lastModified }: ChosenFile): void {
  const files = read();
  files.set(uploadId, { name, size, lastModified, chosenAt: Date.now() });
  write(files);
}

/** Forgets the file of an upload that is complete or deleted. */
export function forgetFile(uploadId: string): void {
  const files = read();
  if (files.delete(uploadId)) write(files);
}

/** Forgets all files, after signing out. */
export function forgetFiles(): void {
  write(new Map());
}

/** Returns the file that was chosen for an upload; null if that was in another browser, or long ago. */
export function rememberedFile(uploadId: string): ChosenFile | null {
  return read().get(uploadId) ?? null;
}

/** Returns the ids of the unfinished uploads for which this file was chosen, the newest first. */
export function uploadsOfFile(file: ChosenFile): string[] {
  return [...read()]
    .filter(([, known]) => isSameFile(known, file))
    .sort(([, a], [, b]) => b.chosenAt - a.chosenAt)
    .map(([id]) => id);
}

/** Returns whether two files are the same, as far as names, sizes and dates tell. */
function isSameFile(a: ChosenFile, b: ChosenFile): boolean {
  return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
}

function read(): Map<string, Remembered> {
  try {
    const entries = Object.entries(
      JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, Remembered>,
    );
    return new Map(entries.filter(([, { chosenAt }]) => chosenAt > Date.now() - KEPT_MS));
  } catch {
    // Somebody else has written there, or storage is not allowed.
    return new Map();
  }
}

function write(files: Map<string, Remembered>): void {
  try {
    if (files.size === 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(files)));
  } catch {
    // Without storage, files cannot be recognised by their dates after a reload, and everything else works.
  }
}
