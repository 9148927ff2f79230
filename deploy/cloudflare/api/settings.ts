/** Defines the bindings, variables and secrets that the Worker gets from wrangler.jsonc. */

export interface Env {
  /** The database: users, keys, wallets, entries, uploads, quotes, jobs. */
  DB: D1Database;
  /** The Workflows that hold films together (film/workflow.ts). */
  FILMS: Workflow<{ job: string }>;
  /** The files of the page. */
  ASSETS: Fetcher;
  /** Limits the requests of one user, without those that STATUS_LIMIT counts. */
  USER_LIMIT: RateLimit;
  /** Limits how often one user may call GET /status. */
  STATUS_LIMIT: RateLimit;
  /** Limits the failed authentications from one address. */
  FAILED_AUTH_LIMIT: RateLimit;

  /** The address of this API as RunPod reaches it, for webhooks. */
  PUBLIC_URL: string;
  /** The origins of web pages that may call this API, separated by spaces; exact, such as https://app.example.com. */
  ALLOWED_ORIGINS: string;
  /** The S3 endpoint of R2, without the bucket. */
  S3_ENDPOINT: string;
  S3_BUCKET: string;
  /** The base URL of RunPod's API, to which /ENDPOINT/run is added. */
  RUNPOD_URL: string;
  /** The id of the RunPod endpoint. */
  RUNPOD_ENDPOINT: string;
  /** The GPU of the endpoint, as orchestrator/cost/table.toml names it. */
  GPU: string;
  /** The endpoint's FRAMEWRIGHT_UPSCALE_MODEL, for quotes; empty if the endpoint does not set it. */
  UPSCALE_MODEL: string;
  /** The endpoint's FRAMEWRIGHT_DETECTOR, for quotes; empty if the endpoint does not set it. */
  DETECTOR: string;
  /** The endpoint's FRAMEWRIGHT_YOLOV8, for quotes; empty if the endpoint does not set it. */
  YOLOV8: string;
  /** The longest time that a job may wait in RunPod's queue, in seconds. */
  QUEUE_LIMIT_S: string;
  /** A job that one worker needs longer for, in seconds, is made in pieces as a film. */
  FILM_SECONDS: string;
  /** About how many seconds one worker should need for a segment of a film, from 1 to 3,600. */
  SEGMENT_SECONDS: string;
  /** How many workers the endpoint may have at once: its quota at RunPod. */
  WORKERS: string;
  /** How long a film waits for webhooks before it asks RunPod, in seconds. */
  FILM_WAIT_S: string;

  // Secrets, set with `wrangler secret put`.
  S3_ACCESS_KEY_ID: string;
  S3_SECRET_ACCESS_KEY: string;
  RUNPOD_API_KEY: string;
  /** The key of the MACs in webhook addresses. */
  WEBHOOK_SECRET: string;
  /** The bearer token of the admin routes, of at least 32 characters; a shorter one closes them. */
  ADMIN_TOKEN: string;
}
