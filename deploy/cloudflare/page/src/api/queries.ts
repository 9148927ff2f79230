/** The hooks through which components read and change what the API has. TanStack Query keeps and refreshes the answers. */

import {
  keepPreviousData,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useClientState } from "../state/client_state.ts";
import { signedIn, signedOut } from "../state/session.ts";
import { ApiFailure, answerOf, api, type Job, type Quote, type TaskName, type Upload } from "./client.ts";
import { followedTracks } from "./followed_tracks.ts";
import { getJob, getJobs, getUpload } from "./requests.ts";
import type { components } from "./schema.d.ts";

/** How often a job that has not ended is asked for, in milliseconds. The API asks RunPod at most once per second. */
const JOB_POLL_MS = 1500;
/** How often lists that may change by themselves are asked for, in milliseconds. */
const LIST_POLL_MS = 10_000;
/** When a quote is replaced by a new one, in milliseconds: a minute before it expires. */
const QUOTE_FRESH_MS = 14 * 60_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1000,
      retry: (count, error) => error instanceof ApiFailure && error.retryable && count < 5,
      retryDelay: (count, error) =>
        error instanceof ApiFailure && error.retryAfterS !== null
          ? error.retryAfterS * 1000
          : Math.min(1000 * 2 ** count, 10_000),
    },
    mutations: { retry: false, networkMode: "always" },
  },
});

const WALLET = ["wallet"];
const JOBS = ["jobs"];
const UPLOADS = ["uploads"];
const QUOTES = ["quote"];
export const jobKey = (id: string) => ["job", id];
const uploadKey = (id: string) => ["upload", id];

/** The wallet with its newest entries. */
export function useWallet() {
  return useQuery({
    queryKey: WALLET,
    queryFn: () => answerOf(api.GET("/wallet")),
    refetchInterval: LIST_POLL_MS,
  });
}

/** The entries of the wallet, page by page. */
export function useEntries() {
  return useInfiniteQuery({
    queryKey: [...WALLET, "entries"],
    queryFn: ({ pageParam }) =>
      answerOf(api.GET("/wallet", { params: { query: pageParam === null ? {} : { cursor: pageParam } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: LIST_POLL_MS,
  });
}

/** All jobs, page by page, newest first. */
export function useJobs() {
  return useInfiniteQuery({
    queryKey: JOBS,
    queryFn: ({ pageParam }) => getJobs(pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: LIST_POLL_MS,
  });
}

/** One job, which is asked for again until it has ended. */
export function useJob(id: string) {
  return useQuery({
    queryKey: jobKey(id),
    queryFn: () => getJob(id),
    refetchInterval: ({ state }) => (state.data?.ended_at == null ? JOB_POLL_MS : false),
    // The name of a tab in the background shows how far its job is.
    refetchIntervalInBackground: true,
    // Links work for an hour; a tab that comes back after that needs new ones.
    staleTime: 30 * 60_000,
  });
}

/** Returns a function that asks for a job at once, for links that work for an hour. */
export function useFreshJob() {
  const client = useQueryClient();
  return async (id: string): Promise<Job> => {
    const job = await getJob(id);
    client.setQueryData(jobKey(id), job);
    return job;
  };
}

/** All uploads, page by page, newest first. */
export function useUploads() {
  return useInfiniteQuery({
    queryKey: UPLOADS,
    queryFn: ({ pageParam }) =>
      answerOf(api.GET("/uploads", { params: { query: pageParam === null ? {} : { cursor: pageParam } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: LIST_POLL_MS,
  });
}

/** One upload, which is asked for again every `pollMs` milliseconds. */
export function useUpload(id: string, pollMs: number | false = false) {
  return useQuery({
    queryKey: uploadKey(id),
    queryFn: () => getUpload(id),
    refetchInterval: pollMs,
    staleTime: 30 * 60_000,
  });
}

/** Signs in with an API key; the browser keeps a cookie that scripts cannot read, and the page forgets the key. */
export function useSignIn() {
  return useMutation({
    mutationFn: (key: string) => answerOf(api.POST("/session", { body: { key } })),
    onSuccess: signedIn,
    gcTime: 0,
  });
}

/** Signs out, and forgets everything that this tab knows. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => answerOf(api.DELETE("/session")),
    onSuccess: () => {
      useClientState.getState().forget();
      signedOut();
    },
  });
}

type QuoteRequest = components["schemas"]["QuoteRequest"];

/** A job to ask the price of. */
export interface QuoteOrder extends Pick<QuoteRequest, "source"> {
  upload_id: string;
  task: TaskName;
  /** Without `tracks` if `followJobId` names the job that has them. */
  params: Record<string, unknown>;
  followJobId: string | null;
  /** Whether only the preview of a film is wanted. */
  preview: boolean;
  /** The job whose parts this one uses again: a quote from before its end names another price. */
  afterJobId?: string;
}

/**
 * The quote of a job, which is renewed before it expires. While the quote of a changed job is asked for, the last one
 * stays (`isPlaceholderData`).
 *
 * @param order null if nothing can be asked yet.
 */
export function useQuote(order: QuoteOrder | null) {
  return useQuery({
    queryKey: [...QUOTES, order],
    queryFn: (): Promise<Quote> => askForQuote(order as QuoteOrder),
    enabled: order !== null,
    placeholderData: keepPreviousData,
    staleTime: QUOTE_FRESH_MS,
    refetchInterval: QUOTE_FRESH_MS,
  });
}

async function askForQuote({ followJobId, afterJobId: _, ...order }: QuoteOrder): Promise<Quote> {
  let { params } = order;
  if (followJobId !== null) {
    // Asked for anew each time: the link to stored tracks is signed, and is never kept.
    const job = await getJob(followJobId).catch((error: unknown) => {
      const isGone = error instanceof ApiFailure && error.code === "job_not_found";
      throw isGone ? new ApiFailure(404, "tracks_gone", error.message, false, null) : error;
    });
    const { track } = params.follow as { track: number | "main" };
    params = { ...params, tracks: followedTracks(job, track) };
  }
  return answerOf(api.POST("/quote", { body: { ...order, params } as QuoteRequest }));
}

/** Starts the job of a quote. The same quote never starts two jobs, in however many tabs it is pressed. */
export function useStartJob() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (quote: Quote): Promise<Job> =>
      answerOf(
        api.POST("/debit", {
          params: { header: { "Idempotency-Key": `page-${quote.id}` } },
          body: { quote_id: quote.id },
        }),
      ),
    onSuccess: (job) => {
      client.setQueryData(jobKey(job.id), job);
      // The next job needs a quote of its own: the same quote would lead to this job again.
      client.removeQueries({ queryKey: QUOTES });
      return refreshLists(client);
    },
  });
}

/** Cancels a job. */
export function useCancelJob() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string): Promise<Job> =>
      answerOf(api.POST("/cancel/{id}", { params: { path: { id } } })),
    onSuccess: (job) => {
      client.setQueryData(jobKey(job.id), job);
      return refreshLists(client);
    },
  });
}

/** Deletes a job that has ended, with its output. */
export function useDeleteJob() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => answerOf(api.DELETE("/jobs/{id}", { params: { path: { id } } })),
    onSuccess: (_nothing, id) => {
      client.removeQueries({ queryKey: jobKey(id) });
      return refreshLists(client);
    },
  });
}

/** Deletes an upload, or gives it up. */
export function useDeleteUpload() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => answerOf(api.DELETE("/uploads/{id}", { params: { path: { id } } })),
    onSuccess: (_nothing, id) => {
      client.removeQueries({ queryKey: uploadKey(id) });
      return refreshLists(client);
    },
  });
}

/** Takes over what the API has answered about an upload, and asks for the lists again in which it appears. */
export function rememberUpload(upload: Upload): void {
  queryClient.setQueryData(uploadKey(upload.id), upload);
  void queryClient.invalidateQueries({ queryKey: UPLOADS });
  // The answer about a complete upload has a link to it, which the answer that completes it has not.
  if (upload.state === "complete") void queryClient.invalidateQueries({ queryKey: uploadKey(upload.id) });
}

/** Asks for everything again that a job or an upload may have changed. */
export function refreshLists(client: QueryClient): Promise<unknown> {
  return Promise.all([WALLET, JOBS, UPLOADS].map((queryKey) => client.invalidateQueries({ queryKey })));
}
