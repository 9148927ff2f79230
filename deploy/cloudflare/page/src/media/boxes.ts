/** Reads the boxes of ISO/IEC 14496-12, of which MP4 and QuickTime files consist: each has a size and a type of four letters. */

/** A position in some bytes; every read moves it on, and throws a RangeError at the end. */
export class BoxReader {
  readonly #view: DataView;
  #at = 0;

  constructor(view: DataView) {
    this.#view = view;
  }

  /** Returns another reader of the same bytes, at their start. */
  fromStart(): BoxReader {
    return new BoxReader(this.#view);
  }

  /** How many bytes follow. */
  get left(): number {
    return this.#view.byteLength - this.#at;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  u8(): number {
    return this.#view.getUint8(this.#move(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#move(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#move(4));
  }

  /** A number of 64 bits; those above 2 ** 53 are not exact. */
  i64(): number {
    return Number(this.#view.getBigInt64(this.#move(8)));
  }

  text(length: number): string {
    return Array.from({ length }, () => String.fromCharCode(this.u8())).join("");
  }

  /** Reads the header of a box: its type, and the size of the whole box in bytes; null if no box follows. */
  header(): { type: string; size: number; headerBytes: number } | null {
    if (this.left < 8) return null;
    const size = this.u32();
    const type = this.text(4);
    if (size === 1) return { type, size: this.i64(), headerBytes: 16 };
    return size === 0 || size >= 8 ? { type, size, headerBytes: 8 } : null;
  }

  /** Returns a reader of the next bytes, and moves behind them. */
  part(bytes: number): BoxReader {
    const start = this.#move(bytes);
    return new BoxReader(new DataView(this.#view.buffer, this.#view.byteOffset + start, bytes));
  }

  #move(bytes: number): number {
    if (bytes < 0 || bytes > this.left) throw new RangeError("the box is too short");
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}

/** The most boxes that are looked for beside each other: a movie has a few, and a damaged file may have millions. */
const MOST_BOXES = 10_000;

/**
 * Returns what is in the boxes that follow, by type.
 *
 * @throws RangeError there are more of them than any movie has.
 */
export function boxesOf(reader: BoxReader): Map<string, BoxReader[]> {
  const boxes = new Map<string, BoxReader[]>();
  for (let count = 0; ; count += 1) {
    const header = reader.header();
    if (header === null || header.size < header.headerBytes || header.size - header.headerBytes > reader.left)
      return boxes;
    if (count === MOST_BOXES) throw new RangeError("there are too many boxes");
    const content = reader.part(header.size - header.headerBytes);
    const alike = boxes.get(header.type);
    if (alike === undefined) boxes.set(header.type, [content]);
    else alike.push(content);
  }
}
