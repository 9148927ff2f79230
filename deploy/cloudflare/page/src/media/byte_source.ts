/** Reads ranges of bytes from a file, or from a URL that answers Range requests. */

export interface ByteSource {
  /** Returns the bytes from `start` to before `end`; fewer at the end of the file. */
  read: (start: number, end: number) => Promise<DataView>;
}

export function byteSource(source: Blob | string): ByteSource {
  if (source instanceof Blob) {
    return { read: async (start, end) => new DataView(await source.slice(start, end).arrayBuffer()) };
  }
  return {
    read: async (start, end) => {
      const answer = await fetch(source, { headers: { Range: `bytes=${start}-${end - 1}` } });
      // 416: the range begins after the end of the file.
      if (answer.status === 416) return new DataView(new ArrayBuffer(0));
      if (answer.status !== 206) {
        await answer.body?.cancel();
        throw new Error(`a range was answered with status ${answer.status}`);
      }
      return new DataView(await answer.arrayBuffer());
    },
  };
}

/**
 * Asks for the first byte of a URL.
 *
 * @throws TypeError there is no answer, or a refusal.
 */
export async function checkReachable(url: string, signal: AbortSignal | null = null): Promise<void> {
  const answer = await fetch(url, { headers: { Range: "bytes=0-0" }, signal });
  await answer.body?.cancel();
  if (!answer.ok) throw new TypeError(`The video cannot be fetched (status ${answer.status}).`);
}
