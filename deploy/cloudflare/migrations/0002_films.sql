-- Films: long jobs that several workers make in pieces. Times are milliseconds since 1970; money is integer micro-dollars.

ALTER TABLE jobs ADD COLUMN is_film INTEGER NOT NULL DEFAULT 0 CHECK (is_film IN (0, 1));

CREATE TABLE films (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id),
  upload_id TEXT NOT NULL REFERENCES uploads (id),
  request TEXT NOT NULL,     -- JSON: what the plan is made for
  is_preview INTEGER NOT NULL CHECK (is_preview IN (0, 1)),
  instances INTEGER NOT NULL DEFAULT 1,  -- how many Workflows instances were started for it
  plan_key TEXT,             -- the object with the plan; NULL before there is one
  plan_hash TEXT,
  plan TEXT,                 -- JSON: the frames and times of each segment, and which one is the hardest
  is_plan_refused INTEGER NOT NULL DEFAULT 0,  -- 1: a worker cannot follow this plan, so no other job uses it
  ending TEXT                -- JSON: how the film ends; the first ending that is written is the one that counts
) STRICT;
CREATE INDEX films_of_upload ON films (upload_id);

-- The RunPod jobs of a film: its plan, its segments, and the assembly; or the whole video, if it cannot be split.
CREATE TABLE film_steps (
  job_id TEXT NOT NULL REFERENCES films (job_id),
  kind TEXT NOT NULL CHECK (kind IN ('plan', 'segment', 'assemble', 'whole')),
  number INTEGER NOT NULL,   -- of the segment; 0 for the others
  state TEXT NOT NULL CHECK (state IN ('waiting', 'submitting', 'running', 'done', 'dropped')),
  runs INTEGER NOT NULL DEFAULT 0,       -- how often it was sent to RunPod
  runpod_id TEXT UNIQUE,
  earlier_id TEXT,           -- the run beside which a second one was started, because it was slow
  submitted_at INTEGER,
  started_at INTEGER,        -- when the run was first seen to run
  ran_ms REAL,               -- how long the run took that made the piece
  polled_at INTEGER NOT NULL DEFAULT 0,
  progress TEXT,             -- JSON: the worker's last update
  done_at INTEGER,
  upload_id TEXT NOT NULL,
  plan_hash TEXT,            -- NULL unless it is a segment
  first_frame INTEGER NOT NULL DEFAULT 0,
  frames INTEGER NOT NULL DEFAULT 0,
  start_sec REAL NOT NULL DEFAULT 0,
  end_sec REAL NOT NULL DEFAULT 0,
  charge INTEGER CHECK (charge >= 0),    -- NULL before it is done
  CHECK ((state = 'done') = (done_at IS NOT NULL)),
  PRIMARY KEY (job_id, kind, number)
) STRICT;
CREATE INDEX segments_of_piece ON film_steps (upload_id, plan_hash, number);
-- A piece is paid for once, by whichever job of the upload finished it first.
CREATE UNIQUE INDEX paid_pieces ON film_steps (upload_id, plan_hash, number) WHERE charge > 0;

CREATE TRIGGER charges_of_segments_stay BEFORE UPDATE OF charge ON film_steps
WHEN OLD.charge IS NOT NULL AND NEW.charge IS NOT OLD.charge
BEGIN
  SELECT RAISE(ABORT, 'a segment is charged once; only a charge that is waived changes') WHERE NEW.charge IS NOT 0;
END;
