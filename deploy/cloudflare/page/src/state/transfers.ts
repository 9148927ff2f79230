/** Holds how far the uploads are that this tab sends. upload/transfer_queue.ts changes it, and components show it. */

import { create } from "zustand";

export type TransferPhase =
  /** Another file is sent first. */
  | "queued"
  | "sending"
  /** The network or a server does not answer; it is tried again. */
  | "waiting"
  | "paused"
  /** All bytes have been sent; the API checks the file. */
  | "completing"
  | "complete"
  | "failed";

export interface Transfer {
  phase: TransferPhase;
  sentBytes: number;
  totalBytes: number;
  /** Bytes per second over the last seconds; null while too little is known. */
  bytesPerS: number | null;
  secondsLeft: number | null;
  /** With phase waiting or failed: what has happened, and what to do. */
  problem: string | null;
}

interface Transfers {
  /** By the id of the upload; an upload that is not here is none that this tab sends. */
  transfers: Record<string, Transfer>;
  change: (uploadId: string, change: Partial<Transfer>) => void;
  remove: (uploadId: string) => void;
}

const NEW: Transfer = {
  phase: "queued",
  sentBytes: 0,
  totalBytes: 0,
  bytesPerS: null,
  secondsLeft: null,
  problem: null,
};

export const useTransfers = create<Transfers>()((set) => ({
  transfers: {},
  change: (uploadId, change) =>
    set(({ transfers }) => ({
      transfers: { ...transfers, [uploadId]: { ...(transfers[uploadId] ?? NEW), ...change } },
    })),
  remove: (uploadId) => set(({ transfers: { [uploadId]: _removed, ...transfers } }) => ({ transfers })),
}));

/** Returns how far an upload is that this tab sends; undefined if it sends none. */
export function useTransfer(uploadId: string): Transfer | undefined {
  return useTransfers(({ transfers }) => transfers[uploadId]);
}
