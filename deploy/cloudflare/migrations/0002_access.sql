-- An operator's Idempotency-Key names one top-up, whichever user it is for.
CREATE UNIQUE INDEX topup_keys ON entries (idempotency_key) WHERE kind = 'topup';

CREATE INDEX keys_of_user ON keys (user_id, created_at);
CREATE INDEX sessions_of_key ON sessions (key_id);
CREATE INDEX expired_sessions ON sessions (expires_at);

CREATE TRIGGER jobs_end_settled BEFORE UPDATE OF state, charge, ended_at ON jobs
BEGIN
  SELECT RAISE(ABORT, 'a job is in a final state when it has ended, and only then')
  WHERE (NEW.state IN ('completed', 'failed', 'cancelled')) <> (NEW.ended_at IS NOT NULL);
  SELECT RAISE(ABORT, 'a job ends with the capture of its charge')
  WHERE NEW.ended_at IS NOT NULL
    AND (NEW.charge IS NULL
      OR NEW.charge IS NOT (SELECT -amount FROM entries WHERE job_id = NEW.id AND kind = 'capture'));
END;
