-- An operator's Idempotency-Key names one top-up, whichever user it is for.
CREATE UNIQUE INDEX topup_keys ON entries (idempotency_key) WHERE kind = 'topup';

CREATE INDEX keys_of_user ON keys (user_id, created_at);
CREATE INDEX sessions_of_key ON sessions (key_id);
CREATE INDEX expired_sessions ON sessions (expires_at);
