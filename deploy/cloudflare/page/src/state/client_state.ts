/**
 * Holds what only this tab knows: the files that were chosen here, and what has been set up for each upload.
 *
 * Everything else is the API's, and is read through api/queries.ts. The orders survive a reload of the tab
 * (sessionStorage); they hold no URL and no key.
 */

import { create } from "zustand";
import { createJSONStorage, persist } from "zustand/middleware";
import type { TaskName } from "../api/client.ts";
import type { components } from "../api/schema.d.ts";
import { forgetFiles } from "./chosen_files.ts";

type Schemas = components["schemas"];
export type UpscaleParams = Schemas["UpscaleParams"];
export type TrackParams = Schemas["TrackParams"];
type Follow = Schemas["Follow"];
type FollowChoices = Partial<Pick<Follow, "class_name">> & { safe?: Partial<Schemas["SafeShares"]> | null };
export type ExportParams = Omit<Schemas["ExportParams"], "follow"> & {
  follow: (Pick<Follow, "track" | "aspect" | "zoom"> & FollowChoices) | null;
};

/** What has been set up for an upload, for each task; a field that is absent has the worker's default. */
export interface Order {
  task: TaskName;
  upscale: Partial<UpscaleParams>;
  track: Partial<TrackParams>;
  export: Partial<ExportParams>;
  /** The track job whose tracks an export follows; its document is attached when the quote is asked for. */
  followJobId: string | null;
  /** Whether the export is to follow somebody who is not chosen yet; until then it keeps its crop, and cannot be started. */
  isChoosingSubject: boolean;
}

export const NEW_ORDER: Order = {
  task: "upscale",
  upscale: {},
  track: {},
  export: {},
  followJobId: null,
  isChoosingSubject: false,
};

interface ClientState {
  /** The files of this tab's uploads, by upload id; gone after a reload. */
  files: Record<string, File>;
  /** The orders that have been set up, by upload id. */
  orders: Record<string, Order>;
  keepFile: (uploadId: string, file: File) => void;
  changeOrder: (uploadId: string, change: Partial<Order>) => void;
  /** Forgets everything, after signing out. */
  forget: () => void;
}

export const useClientState = create<ClientState>()(
  persist(
    (set) => ({
      files: {},
      orders: {},
      keepFile: (uploadId, file) => set(({ files }) => ({ files: { ...files, [uploadId]: file } })),
      changeOrder: (uploadId, change) =>
        set(({ orders }) => ({
          orders: { ...orders, [uploadId]: { ...(orders[uploadId] ?? NEW_ORDER), ...change } },
        })),
      forget: () => {
        forgetFiles();
        set({ files: {}, orders: {} });
      },
    }),
    {
      name: "framewright",
      storage: createJSONStorage(() => sessionStorage),
      partialize: ({ orders }) => ({ orders }),
    },
  ),
);

/** Returns what has been set up for an upload. */
export function useOrder(uploadId: string): Order {
  return useClientState(({ orders }) => orders[uploadId]) ?? NEW_ORDER;
}
