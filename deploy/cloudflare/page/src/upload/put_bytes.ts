/** Sends bytes to a presigned URL. XMLHttpRequest does it, because fetch does not tell how much has been sent. */

/** The bytes have not arrived. */
export class PutFailed extends Error {
  /** The HTTP status; 0 if no answer came. */
  readonly status: number;

  constructor(status: number) {
    super(status === 0 ? "no answer came" : `the storage answered with status ${status}`);
    this.name = "PutFailed";
    this.status = status;
  }
}

/** A request that has not moved for this long, in milliseconds, is taken for lost. */
const STALL_MS = 60_000;
/** The same, for a request that was under way when the network came back: most of them are lost. */
const STALL_AFTER_OFFLINE_MS = 5000;

/**
 * Sends bytes, and returns when the storage has them.
 *
 * @param headers the headers that were signed.
 * @param signal ends the request.
 * @param onProgress is called with the number of bytes that have been sent.
 * @throws PutFailed the storage refused them, or no answer came.
 * @throws the signal's reason, if it ended the request.
 */
export function putBytes(
  url: string,
  bytes: Blob,
  headers: Record<string, string>,
  signal: AbortSignal,
  onProgress: (sentBytes: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    let stall = setTimeout(abort, STALL_MS);
    const waitAtMost = (ms: number) => {
      clearTimeout(stall);
      stall = setTimeout(abort, ms);
    };
    const expectMore = () => waitAtMost(STALL_AFTER_OFFLINE_MS);
    signal.addEventListener("abort", abort);
    window.addEventListener("online", expectMore);
    request.upload.onprogress = ({ loaded }) => {
      waitAtMost(STALL_MS);
      onProgress(loaded);
    };
    request.onloadend = () => {
      clearTimeout(stall);
      signal.removeEventListener("abort", abort);
      window.removeEventListener("online", expectMore);
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(signal.aborted ? signal.reason : new PutFailed(request.status));
    };
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(bytes);
  });
}
