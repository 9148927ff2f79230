-- Times are milliseconds since 1970; money is integer micro-dollars.

CREATE TABLE wallets (
  user_id TEXT PRIMARY KEY,
  balance INTEGER NOT NULL DEFAULT 0 CONSTRAINT balance_not_negative CHECK (balance >= 0),
  held INTEGER NOT NULL DEFAULT 0 CONSTRAINT held_not_negative CHECK (held >= 0)
) STRICT;

CREATE TABLE users (
  id TEXT PRIMARY KEY REFERENCES wallets (user_id),
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  label TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
CREATE INDEX keys_of_user ON keys (user_id, created_at);

CREATE TABLE sessions (
  token_sha256 TEXT PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES keys (id),
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_key ON sessions (key_id);
CREATE INDEX expired_sessions ON sessions (expires_at);

CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  object_key TEXT NOT NULL UNIQUE,
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes > 0),
  part_bytes INTEGER,        -- NULL: one PUT
  multipart_id TEXT,
  state TEXT NOT NULL CHECK (state IN ('open', 'complete', 'deleted')),
  created_at INTEGER NOT NULL,
  completed_at INTEGER
) STRICT;
CREATE INDEX uploads_of_user ON uploads (user_id, created_at);

CREATE TABLE quotes (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  upload_id TEXT NOT NULL REFERENCES uploads (id),
  task TEXT NOT NULL,
  params TEXT NOT NULL,      -- JSON
  terms TEXT NOT NULL,       -- JSON: what the quote promises and assumes
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  idempotency_key TEXT,      -- NULL: RunPod refused the job, and the key may be used again
  body_sha256 TEXT NOT NULL,
  upload_id TEXT NOT NULL REFERENCES uploads (id),
  task TEXT NOT NULL,
  params TEXT NOT NULL,      -- JSON
  terms TEXT NOT NULL,       -- JSON: the terms of the quote
  hold INTEGER NOT NULL CHECK (hold >= 0),
  charge INTEGER CHECK (charge BETWEEN 0 AND hold),
  execution_ms REAL,         -- RunPod's executionTime
  ttl_ms INTEGER NOT NULL,
  output_key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state IN ('submitting', 'queued', 'running', 'cancelling', 'completed', 'failed', 'cancelled')
  ),
  runpod_id TEXT UNIQUE,
  cancel_requested_at INTEGER,
  progress TEXT,             -- JSON: the worker's last update
  result TEXT,               -- JSON: the worker's result
  error TEXT,                -- JSON: code, message, retryable, fault
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  polled_at INTEGER NOT NULL DEFAULT 0,
  deleted_at INTEGER,
  UNIQUE (user_id, idempotency_key)
) STRICT;
CREATE INDEX jobs_of_user ON jobs (user_id, created_at);
CREATE INDEX unsettled_jobs ON jobs (polled_at) WHERE ended_at IS NULL;

-- A job and the deletion of its upload may arrive at the same time. The first one succeeds, and the other is refused: this
-- trigger refuses the job, and the UPDATE in uploads.ts refuses the deletion.
CREATE TRIGGER jobs_need_their_upload BEFORE INSERT ON jobs
WHEN NOT EXISTS (
  SELECT 1 FROM uploads WHERE id = NEW.upload_id AND user_id = NEW.user_id AND state = 'complete'
)
BEGIN
  SELECT RAISE(ABORT, 'a job needs a complete upload of its user');
END;

CREATE TRIGGER final_states_stay BEFORE UPDATE OF state, charge, ended_at ON jobs
WHEN OLD.ended_at IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a job that has ended keeps its state and charge');
END;

CREATE TRIGGER jobs_end_settled BEFORE UPDATE OF state, charge, ended_at ON jobs
BEGIN
  SELECT RAISE(ABORT, 'a job is in a final state when it has ended, and only then')
  WHERE (NEW.state IN ('completed', 'failed', 'cancelled')) <> (NEW.ended_at IS NOT NULL);
  SELECT RAISE(ABORT, 'a job ends with the capture of its charge')
  WHERE NEW.ended_at IS NOT NULL
    AND (NEW.charge IS NULL
      OR NEW.charge IS NOT (SELECT -amount FROM entries WHERE job_id = NEW.id AND kind = 'capture'));
END;

-- The ledger. `amount` is what an entry adds to the balance: the balance is the sum of a user's amounts.
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT NOT NULL REFERENCES wallets (user_id),
  kind TEXT NOT NULL CHECK (kind IN ('topup', 'hold', 'release', 'capture', 'refund')),
  amount INTEGER NOT NULL CHECK (
    CASE kind WHEN 'hold' THEN amount <= 0 WHEN 'capture' THEN amount <= 0 ELSE amount >= 0 END
  ),
  job_id TEXT REFERENCES jobs (id),
  note TEXT NOT NULL DEFAULT '',
  idempotency_key TEXT,
  created_at INTEGER NOT NULL,
  CHECK ((kind = 'topup') = (job_id IS NULL)),
  UNIQUE (job_id, kind)
) STRICT;
CREATE INDEX entries_of_user ON entries (user_id, id);
-- An operator's Idempotency-Key names one top-up, whichever user it is for.
CREATE UNIQUE INDEX topup_keys ON entries (idempotency_key) WHERE kind = 'topup';

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
BEGIN
  SELECT RAISE(ABORT, 'entries are append-only');
END;

CREATE TRIGGER entries_are_not_deleted BEFORE DELETE ON entries
BEGIN
  SELECT RAISE(ABORT, 'entries are append-only');
END;

CREATE TRIGGER entries_of_jobs_fit BEFORE INSERT ON entries
WHEN NEW.job_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'an entry belongs to the user of its job')
  WHERE NEW.user_id <> (SELECT user_id FROM jobs WHERE id = NEW.job_id);
  SELECT RAISE(ABORT, 'the hold of a job is the one that its quote promised')
  WHERE NEW.kind = 'hold' AND -NEW.amount <> (SELECT hold FROM jobs WHERE id = NEW.job_id);
  SELECT RAISE(ABORT, 'a release returns the whole hold')
  WHERE NEW.kind = 'release'
    AND NEW.amount IS NOT (SELECT -amount FROM entries WHERE job_id = NEW.job_id AND kind = 'hold');
  SELECT RAISE(ABORT, 'a capture follows a release and takes at most what was held')
  WHERE NEW.kind = 'capture'
    AND -NEW.amount > COALESCE((SELECT amount FROM entries WHERE job_id = NEW.job_id AND kind = 'release'), -1);
  SELECT RAISE(ABORT, 'a refund returns at most what was captured')
  WHERE NEW.kind = 'refund'
    AND NEW.amount > COALESCE((SELECT -amount FROM entries WHERE job_id = NEW.job_id AND kind = 'capture'), -1);
END;

-- Each entry changes the wallet, and nothing else does.
CREATE TRIGGER entries_move_money AFTER INSERT ON entries
BEGIN
  UPDATE wallets
  SET balance = balance + NEW.amount,
      held = held - CASE WHEN NEW.kind IN ('hold', 'release') THEN NEW.amount ELSE 0 END
  WHERE user_id = NEW.user_id;
END;
