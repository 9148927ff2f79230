/** Sends one file: whole or in parts, with patience while the network is gone, until the API calls it complete. */

import { ApiFailure, answerOf, api, type Upload } from "../api/client.ts";
import { getUpload } from "../api/requests.ts";
import { requestErrorText } from "../text/request_errors.ts";
import { PartPlan, type PartUrl } from "./part_plan.ts";
import { PutFailed, putBytes } from "./put_bytes.ts";
import { nextStep, pauseFor, SERVER_RETRIES, waitMs } from "./retry.ts";

/** The upload cannot go on; `message` says in plain words why, and what to do. */
export class TransferFailed extends Error {
  override name = "TransferFailed";
}

/** Another tab of this browser sends the same upload. */
export class SentElsewhere extends Error {
  override name = "SentElsewhere";
}

/** What the owner of a transfer is told. */
interface TransferEvents {
  onSent: (sentBytes: number) => void;
  /** The network or a server does not answer, which `why` says; the next `onSent` ends that. */
  onWaiting: (why: string) => void;
  /** All bytes have been sent. */
  onCompleting: () => void;
}

/** What an upload says while there is no network. */
export const OFFLINE_TEXT = "The network is gone. The upload continues when it is back.";

/** How many parts are under way at once. More would be lost in a reload, and one would leave gaps between requests. */
const PARTS_AT_ONCE = 3;
/** How often the API may find parts missing that were sent. */
const MOST_ROUNDS = 3;

/** Another tab has completed the upload meanwhile. */
class CompleteElsewhere extends Error {
  readonly upload: Upload;

  constructor(upload: Upload) {
    super("the upload is complete");
    this.upload = upload;
  }
}

/**
 * Sends what is missing of a file, and returns the complete upload.
 *
 * @param uploadId the upload that was started for the file.
 * @param signal ends the transfer; what has arrived is kept.
 * @throws TransferFailed it cannot go on.
 * @throws SentElsewhere another tab sends it.
 * @throws the signal's reason, if it ended the transfer.
 */
export async function transferFile(
  uploadId: string,
  file: File,
  signal: AbortSignal,
  events: TransferEvents,
): Promise<Upload> {
  const transfer = new FileTransfer(uploadId, file, signal, events);
  return await onlyTab(uploadId, () => transfer.run());
}

class FileTransfer {
  readonly #id: string;
  readonly #file: File;
  readonly #signal: AbortSignal;
  readonly #events: TransferEvents;

  constructor(id: string, file: File, signal: AbortSignal, events: TransferEvents) {
    this.#id = id;
    this.#file = file;
    this.#signal = signal;
    this.#events = events;
  }

  async run(): Promise<Upload> {
    try {
      for (let round = 1; ; round += 1) {
        const upload = await this.#look(this.#signal);
        if (upload.method === "put") await this.#sendWhole(upload);
        else await this.#sendParts(new PartPlan(upload));
        this.#events.onCompleting();
        try {
          return await this.#complete();
        } catch (failure) {
          const isMissing = failure instanceof ApiFailure && failure.code === "upload_incomplete";
          if (!isMissing || round === MOST_ROUNDS) throw failure;
        }
      }
    } catch (failure) {
      if (failure instanceof CompleteElsewhere) return failure.upload;
      if (failure instanceof ApiFailure) throw new TransferFailed(requestErrorText(failure));
      throw failure;
    }
  }

  async #sendWhole(first: Upload): Promise<void> {
    let upload = first;
    await this.#patiently(
      (signal) => putBytes(upload.url ?? "", this.#file, upload.headers ?? {}, signal, this.#events.onSent),
      this.#signal,
      async () => {
        upload = await this.#look(this.#signal);
        return false;
      },
    );
  }

  /** Sends several parts at once. When one of them fails for good, the others are ended. */
  async #sendParts(plan: PartPlan): Promise<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    this.#events.onSent(plan.sentBytes);
    let page: Promise<void> | null = null;
    const nextPage = (from: number) => {
      page ??= this.#look(signal, from)
        .then((upload) => plan.add(upload))
        .finally(() => {
          page = null;
        });
      return page;
    };
    const sendOneByOne = async () => {
      for (;;) {
        const part = plan.take();
        if (part !== null) await this.#sendPart(plan, part, signal);
        else if (plan.next !== null) await nextPage(plan.next);
        else return;
      }
    };
    try {
      await Promise.all(Array.from({ length: PARTS_AT_ONCE }, sendOneByOne));
    } finally {
      stop.abort();
    }
  }

  async #sendPart(plan: PartPlan, first: PartUrl, signal: AbortSignal): Promise<void> {
    let part = first;
    const { number } = first;
    const bytes = this.#file.slice(...plan.rangeOf(number));
    const onProgress = (sentBytes: number) => {
      plan.progress(number, sentBytes);
      this.#events.onSent(plan.sentBytes);
    };
    try {
      await this.#patiently(
        (until) => putBytes(part.url, bytes, {}, until, onProgress),
        signal,
        async () => {
          const fresh = await this.#look(signal, number);
          part = fresh.parts?.find((missing) => missing.number === number) ?? part;
          return fresh.uploaded?.includes(number) ?? false;
        },
        () => plan.progress(number, 0),
      );
    } catch (failure) {
      plan.drop(number);
      throw failure;
    }
    plan.arrive(number);
    this.#events.onSent(plan.sentBytes);
  }

  /**
   * Repeats a PUT until it succeeds. Where the URL is refused, `renew` gets another one, and returns whether the bytes
   * have arrived after all.
   */
  async #patiently(
    put: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
    renew: () => Promise<boolean>,
    onFailure: () => void = () => {},
  ): Promise<void> {
    let failures = 0;
    let silences = 0;
    for (;;) {
      try {
        await put(signal);
        return;
      } catch (failure) {
        if (!(failure instanceof PutFailed)) throw failure;
        onFailure();
        await this.#requireReadable();
        const count = failure.status === 0 ? ++silences : ++failures;
        const step = nextStep(failure.status, count);
        if (step === "give up") throw new TransferFailed(putFailureText(failure.status));
        // URLs expire, which is no reason to wait the first time.
        if (step === "again" || count > 1) {
          this.#events.onWaiting(waitingText(failure.status, "The file storage"));
          await pauseFor(waitMs(count), signal);
        }
        if (step === "new url" && (await renew())) return;
      }
    }
  }

  /** Asks the API for URLs of what is missing from a part on. */
  async #look(signal: AbortSignal, from?: number): Promise<Upload> {
    const upload = await this.#ask(signal, () => getUpload(this.#id, signal, from));
    if (upload.state === "complete") throw new CompleteElsewhere(upload);
    return upload;
  }

  async #complete(): Promise<Upload> {
    return await this.#ask(this.#signal, () =>
      answerOf(
        api.POST("/uploads/{id}/complete", {
          params: { path: { id: this.#id } },
          body: {},
          signal: this.#signal,
        }),
      ),
    );
  }

  /** Repeats a request to the API while it may succeed later. */
  async #ask<T>(signal: AbortSignal, request: () => Promise<T>): Promise<T> {
    let silences = 0;
    let failures = 0;
    for (;;) {
      try {
        return await request();
      } catch (failure) {
        signal.throwIfAborted();
        if (!(failure instanceof ApiFailure && failure.retryable)) throw failure;
        const count = failure.status === 0 ? ++silences : ++failures;
        if (failures > SERVER_RETRIES) throw failure;
        this.#events.onWaiting(waitingText(failure.status, "Framewright"));
        const ms = failure.retryAfterS === null ? waitMs(count) : failure.retryAfterS * 1000;
        await pauseFor(ms, signal);
      }
    }
  }

  /** @throws TransferFailed the file on the disk is not the one any more that was chosen. */
  async #requireReadable(): Promise<void> {
    try {
      await this.#file.slice(0, 1).arrayBuffer();
    } catch {
      throw new TransferFailed(
        "The file cannot be read any more: it has been changed, moved or deleted. Put it back and choose it again, " +
          "or delete this upload and start a new one.",
      );
    }
  }
}

/** Does something while no other tab sends the same upload. */
async function onlyTab<T>(uploadId: string, task: () => Promise<T>): Promise<T> {
  // Browsers have locks on secure pages only; localhost counts as one.
  if (!("locks" in navigator)) return await task();
  return await navigator.locks.request(lockName(uploadId), { ifAvailable: true }, async (lock) => {
    if (lock === null) throw new SentElsewhere();
    return await task();
  });
}

/** Returns whether some tab of this browser sends an upload. */
export async function isBeingSent(uploadId: string): Promise<boolean> {
  if (!("locks" in navigator)) return false;
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === lockName(uploadId));
}

function lockName(uploadId: string): string {
  return `framewright upload ${uploadId}`;
}

function waitingText(status: number, server: string): string {
  return status === 0 ? OFFLINE_TEXT : `${server} is busy. The upload continues in a moment.`;
}

function putFailureText(status: number): string {
  if (status === 0) {
    return (
      "The file storage cannot be reached from this browser, although Framewright can: a firewall or an extension may " +
      "block it. What has arrived is kept."
    );
  }
  if (status >= 500 || status === 408 || status === 429) {
    return "The file storage does not answer at the moment. What has arrived is kept: try again in a few minutes.";
  }
  return `The file storage refuses the video (status ${status}). Try again, or delete this upload and start a new one.`;
}
