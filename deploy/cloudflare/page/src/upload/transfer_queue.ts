/** Sends the files that were chosen in this tab, one after the other, and publishes how far they are. */

import type { Upload } from "../api/client.ts";
import { rememberUpload } from "../api/queries.ts";
import { forgetFile } from "../state/chosen_files.ts";
import { useClientState } from "../state/client_state.ts";
import { type TransferPhase, useTransfers } from "../state/transfers.ts";
import { OFFLINE_TEXT, SentElsewhere, TransferFailed, transferFile } from "./file_transfer.ts";
import { SpeedMeter } from "./speed.ts";

/** How often the progress is published, in milliseconds. */
const PUBLISH_MS = 250;

/** What is thrown inside a transfer that its owner ends. */
const STOPPED = new Error("the transfer was stopped");

/** The ids of the uploads that wait for their turn. */
let waiting: string[] = [];
/** The upload that is being sent. */
let current: { id: string; controller: AbortController } | null = null;

/** Sends the file of an upload as soon as no other is being sent. Its file is in the client state. */
export function startTransfer(uploadId: string): void {
  const isCurrent = current?.id === uploadId && !current.controller.signal.aborted;
  if (isCurrent || waiting.includes(uploadId)) return;
  waiting.push(uploadId);
  const file = useClientState.getState().files[uploadId];
  useTransfers.getState().change(uploadId, { phase: "queued", totalBytes: file?.size ?? 0, problem: null });
  sendNext();
}

/** Stops sending; what has arrived is kept, and `startTransfer` goes on. */
export function pauseTransfer(uploadId: string): void {
  const transfer = useTransfers.getState().transfers[uploadId];
  if (transfer === undefined || transfer.phase === "complete") return;
  stop(uploadId);
  useTransfers.getState().change(uploadId, { phase: "paused", bytesPerS: null, secondsLeft: null });
}

/** Stops sending, and forgets the upload. */
export function dropTransfer(uploadId: string): void {
  stop(uploadId);
  useTransfers.getState().remove(uploadId);
  forgetFile(uploadId);
}

function stop(uploadId: string): void {
  waiting = waiting.filter((id) => id !== uploadId);
  if (current?.id === uploadId) current.controller.abort(STOPPED);
}

function sendNext(): void {
  if (current !== null) return;
  const id = waiting.shift();
  if (id === undefined) return;
  const file = useClientState.getState().files[id];
  if (file === undefined) {
    sendNext();
    return;
  }
  const controller = new AbortController();
  current = { id, controller };
  void send(id, file, controller.signal).finally(() => {
    current = null;
    sendNext();
  });
}

async function send(id: string, file: File, signal: AbortSignal): Promise<void> {
  const publisher = new Publisher(id, file.size, signal);
  const sayOffline = () => publisher.wait(OFFLINE_TEXT);
  window.addEventListener("offline", sayOffline);
  try {
    publisher.phase("sending");
    const upload = await transferFile(id, file, signal, {
      onSent: (sentBytes) => publisher.sent(sentBytes),
      onWaiting: (why) => publisher.wait(why),
      onCompleting: () => publisher.phase("completing"),
    });
    publisher.complete();
    finish(upload);
  } catch (failure) {
    if (signal.aborted) return;
    if (failure instanceof SentElsewhere) {
      useTransfers.getState().remove(id);
      return;
    }
    const problem =
      failure instanceof TransferFailed ? failure.message : "Something went wrong on our side. Try again.";
    publisher.fail(problem);
  } finally {
    window.removeEventListener("offline", sayOffline);
  }
}

function finish(upload: Upload): void {
  forgetFile(upload.id);
  rememberUpload(upload);
}

/** Publishes the progress of one transfer, a few times per second. Nothing is published after the transfer was stopped. */
class Publisher {
  readonly #id: string;
  readonly #totalBytes: number;
  readonly #signal: AbortSignal;
  readonly #meter = new SpeedMeter();
  #phase: TransferPhase = "sending";
  #sentBytes = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(id: string, totalBytes: number, signal: AbortSignal) {
    this.#id = id;
    this.#totalBytes = totalBytes;
    this.#signal = signal;
  }

  sent(sentBytes: number): void {
    this.#sentBytes = sentBytes;
    this.#meter.note(performance.now(), sentBytes);
    if (this.#phase === "waiting") this.phase("sending");
    else this.#timer ??= setTimeout(() => this.#publish(), PUBLISH_MS);
  }

  phase(phase: TransferPhase): void {
    this.#phase = phase;
    this.#publish();
  }

  wait(why: string): void {
    this.#meter.reset();
    this.#phase = "waiting";
    this.#publish(why);
  }

  complete(): void {
    this.#sentBytes = this.#totalBytes;
    this.phase("complete");
  }

  fail(problem: string): void {
    this.#phase = "failed";
    this.#publish(problem);
  }

  #publish(problem: string | null = null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#signal.aborted) return;
    const isSending = this.#phase === "sending";
    useTransfers.getState().change(this.#id, {
      phase: this.#phase,
      sentBytes: this.#sentBytes,
      totalBytes: this.#totalBytes,
      bytesPerS: isSending ? this.#meter.bytesPerS : null,
      secondsLeft: isSending ? this.#meter.secondsFor(this.#totalBytes - this.#sentBytes) : null,
      problem,
    });
  }
}

const UNFINISHED: ReadonlySet<TransferPhase> = new Set(["queued", "sending", "waiting", "completing"]);

/** Asks before the page is left while something is being sent. */
function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

// A page that listens for this event is not kept for the Back button, so it does only while there is something to lose.
useTransfers.subscribe(({ transfers }) => {
  const isSending = Object.values(transfers).some(({ phase }) => UNFINISHED.has(phase));
  if (isSending) window.addEventListener("beforeunload", warn);
  else window.removeEventListener("beforeunload", warn);
});

// After signing out there are no files any more, and nothing more is sent.
useClientState.subscribe(({ files }) => {
  for (const id of Object.keys(useTransfers.getState().transfers)) {
    if (files[id] === undefined) dropTransfer(id);
  }
});
