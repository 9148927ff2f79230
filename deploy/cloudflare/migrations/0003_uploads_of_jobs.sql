-- A job and the deletion of its upload may be asked for at once. Whichever comes first is done, and the other is refused:
-- this trigger refuses the job, and the UPDATE in uploads.ts the deletion.
CREATE TRIGGER jobs_need_their_upload BEFORE INSERT ON jobs
WHEN NOT EXISTS (
  SELECT 1 FROM uploads WHERE id = NEW.upload_id AND user_id = NEW.user_id AND state = 'complete'
)
BEGIN
  SELECT RAISE(ABORT, 'a job needs a complete upload of its user');
END;
