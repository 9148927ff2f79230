/** Cuts the elements of one array out of a JSON document that arrives in pieces, so that it is never in memory as a whole. */

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The most bytes of the document without the elements of the array. */
const MOST_OTHER_BYTES = 16_000_000;

/** The document is not JSON, or a part of it is too large. */
export class NotReadable extends Error {}

/** Reads a document whose root is an object that may have an array of the given name. */
export class ArrayElements {
  readonly #name: string;
  readonly #onElement: (element: unknown) => void;
  readonly #mostElementBytes: number;
  readonly #element: Bytes;
  readonly #rest: Bytes;
  /** How many arrays and objects are open. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Whether the bytes belong to the array, which then is at depth 2. */
  #inArray = false;
  /** How many elements of the array were complete. */
  #count = 0;
  /** The last string of the root object. */
  #key = "";

  /**
   * @param name the member of the root that is the array.
   * @param onElement gets each of its elements, in order, while the document arrives.
   * @param mostElementBytes the most bytes of an element.
   */
  constructor(name: string, onElement: (element: unknown) => void, mostElementBytes = 128_000_000) {
    this.#name = name;
    this.#onElement = onElement;
    this.#mostElementBytes = mostElementBytes;
    this.#element = new Bytes();
    this.#rest = new Bytes();
  }

  /**
   * Takes the next bytes of the document.
   *
   * @throws NotReadable an element is no JSON, or too large.
   */
  push(bytes: Uint8Array): void {
    let begin = 0;
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
        else if (this.#depth === 1 && this.#key.length < 32) this.#key += String.fromCharCode(byte ?? 0);
      } else if (byte === QUOTE) {
        this.#inString = true;
        if (this.#depth === 1) this.#key = "";
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        this.#depth++;
        if (byte === OPEN_ARRAY && this.#depth === 2 && this.#key === this.#name) {
          this.#keep(bytes.subarray(begin, index + 1));
          this.#inArray = true;
          begin = index + 1;
        }
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#depth--;
        if (this.#inArray && this.#depth === 1) {
          this.#keep(bytes.subarray(begin, index));
          this.#endElement(this.#count === 0);
          this.#inArray = false;
          begin = index;
        }
      } else if (byte === COMMA) {
        if (this.#inArray && this.#depth === 2) {
          this.#keep(bytes.subarray(begin, index));
          this.#endElement(false);
          begin = index + 1;
        } else if (this.#depth === 1) this.#key = "";
      }
    }
    this.#keep(bytes.subarray(begin));
  }

  /**
   * Returns the document, in which the array is empty.
   *
   * @throws NotReadable it is no JSON, or not complete.
   */
  finish(): unknown {
    return parsed(this.#rest.take());
  }

  #keep(bytes: Uint8Array): void {
    const to = this.#inArray ? this.#element : this.#rest;
    to.add(bytes);
    if (to.size > (this.#inArray ? this.#mostElementBytes : MOST_OTHER_BYTES)) {
      throw new NotReadable("a part of the document is too large");
    }
  }

  #endElement(mayBeEmpty: boolean): void {
    const text = this.#element.take();
    if (mayBeEmpty && text.trim() === "") return;
    this.#count++;
    this.#onElement(parsed(text));
  }
}

/** Bytes that have arrived in pieces. */
class Bytes {
  size = 0;
  #pieces: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    if (piece.length > 0) this.#pieces.push(piece);
    this.size += piece.length;
  }

  /** Returns all as text, and forgets them. */
  take(): string {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    try {
      return this.#pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode();
    } catch {
      throw new NotReadable("the document is not UTF-8");
    } finally {
      this.#pieces = [];
      this.size = 0;
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotReadable("the document is not JSON, or not complete");
  }
}
