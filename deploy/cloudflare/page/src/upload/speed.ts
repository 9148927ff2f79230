/** Measures how fast bytes are sent over the last seconds, and estimates how long the rest takes. */

/** How far back the measurement reaches, in milliseconds. */
const WINDOW_MS = 8000;
/** After how many milliseconds there is enough to tell a speed from. */
const ENOUGH_MS = 1500;

export class SpeedMeter {
  #samples: { atMs: number; sentBytes: number }[] = [];

  /** Notes how many bytes had been sent at a time. Bytes that count as sent no more start a new measurement. */
  note(atMs: number, sentBytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && sentBytes < last.sentBytes) this.#samples = [];
    this.#samples.push({ atMs, sentBytes });
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? atMs) <= atMs - WINDOW_MS)
      this.#samples.shift();
  }

  /** Starts a new measurement, after a pause. */
  reset(): void {
    this.#samples = [];
  }

  /** Bytes per second over the last seconds; null while too little is known. */
  get bytesPerS(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < ENOUGH_MS) return null;
    return ((last.sentBytes - first.sentBytes) * 1000) / (last.atMs - first.atMs);
  }

  /** Returns how long so many more bytes take, in seconds; null if that is not known. */
  secondsFor(bytes: number): number | null {
    const speed = this.bytesPerS;
    return speed === null || speed <= 0 ? null : bytes / speed;
  }
}
