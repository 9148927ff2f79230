/** Keeps which parts of a file have arrived, which are under way, and which are to be sent next. */

import type { Upload } from "../api/client.ts";

/** A part with the presigned URL that accepts it. */
export type PartUrl = NonNullable<Upload["parts"]>[number];

export class PartPlan {
  readonly totalBytes: number;
  readonly partBytes: number;
  /** What the API answers from here on has more missing parts; null if there are none. */
  #next: number | null = null;
  #arrived = new Set<number>();
  /** How many bytes of each part that is under way have been sent, by number. */
  #underWay = new Map<number, number>();
  #waiting = new Map<number, PartUrl>();

  /** @param upload an open upload with method parts. */
  constructor(upload: Upload) {
    this.totalBytes = upload.bytes;
    this.partBytes = upload.part_bytes ?? upload.bytes;
    this.refresh(upload);
  }

  /** Takes over what the API says: which parts have arrived, and the URLs of the first that are missing. */
  refresh({ uploaded = [], parts = [], next = null }: Upload): void {
    this.#arrived = new Set(uploaded);
    this.#waiting = new Map();
    this.#next = next;
    for (const part of parts) if (!this.#underWay.has(part.number)) this.#waiting.set(part.number, part);
  }

  /** Adds the URLs of a further page. */
  add({ parts = [], next = null }: Upload): void {
    this.#next = next;
    for (const part of parts) {
      if (!this.#underWay.has(part.number) && !this.#arrived.has(part.number)) {
        this.#waiting.set(part.number, part);
      }
    }
  }

  /** Returns the part to send next, which is under way from now on; null if no URL is at hand. */
  take(): PartUrl | null {
    for (const [number, part] of this.#waiting) {
      this.#waiting.delete(number);
      this.#underWay.set(number, 0);
      return part;
    }
    return null;
  }

  /** The first part to ask URLs for; null if every missing part is under way or has a URL. */
  get next(): number | null {
    return this.#waiting.size > 0 ? null : this.#next;
  }

  /** Says how many bytes of a part that is under way have been sent. */
  progress(number: number, sentBytes: number): void {
    if (this.#underWay.has(number)) this.#underWay.set(number, Math.min(sentBytes, this.#bytesOf(number)));
  }

  /** Says that a part has arrived. */
  arrive(number: number): void {
    this.#underWay.delete(number);
    this.#arrived.add(number);
  }

  /** Says that a part has not arrived, and is not under way any more. */
  drop(number: number): void {
    this.#underWay.delete(number);
  }

  /** How many bytes have arrived or been sent. */
  get sentBytes(): number {
    let bytes = 0;
    for (const number of this.#arrived) bytes += this.#bytesOf(number);
    for (const sent of this.#underWay.values()) bytes += sent;
    return bytes;
  }

  /** Returns where a part begins and ends in the file. */
  rangeOf(number: number): [start: number, end: number] {
    const start = (number - 1) * this.partBytes;
    return [start, Math.min(start + this.partBytes, this.totalBytes)];
  }

  #bytesOf(number: number): number {
    const [start, end] = this.rangeOf(number);
    return end - start;
  }
}

/** Returns how many bytes of an open upload the storage has. */
export function arrivedBytes(upload: Upload): number {
  return upload.method === "parts" ? new PartPlan(upload).sentBytes : 0;
}
