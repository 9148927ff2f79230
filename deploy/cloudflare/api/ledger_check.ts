/** Proves that the ledger, the wallets and the jobs agree, or names what does not. */

/**
 * One query for each rule: it returns a row (problem, subject) for each wallet, entry, user or job that breaks the rule.
 *
 * They hold at every moment, also while jobs run, because each change of money is one transaction.
 */
export const LEDGER_RULES: readonly string[] = [
  `SELECT 'the balance of a wallet is not the sum of its entries' AS problem, user_id AS subject FROM wallets
   WHERE balance <> (SELECT COALESCE(SUM(amount), 0) FROM entries WHERE entries.user_id = wallets.user_id)`,

  `SELECT 'the balance of a wallet is negative' AS problem, user_id AS subject FROM wallets WHERE balance < 0`,

  `SELECT 'held is not what the holds of unfinished jobs sum to' AS problem, user_id AS subject FROM wallets
   WHERE held <> (
     SELECT COALESCE(SUM(hold), 0) FROM jobs WHERE jobs.user_id = wallets.user_id AND jobs.ended_at IS NULL
   )`,

  `SELECT 'the state of a job and the time of its end do not fit' AS problem, id AS subject FROM jobs
   WHERE (state IN ('completed', 'failed', 'cancelled')) <> (ended_at IS NOT NULL)`,

  `SELECT 'a job has no hold, or another than its quote promised' AS problem, id AS subject FROM jobs
   WHERE -hold IS NOT (SELECT amount FROM entries WHERE job_id = jobs.id AND kind = 'hold')`,

  `SELECT 'an ended job has no release of its whole hold' AS problem, id AS subject FROM jobs
   WHERE ended_at IS NOT NULL
     AND hold IS NOT (SELECT amount FROM entries WHERE job_id = jobs.id AND kind = 'release')`,

  `SELECT 'an ended job has no capture of its charge' AS problem, id AS subject FROM jobs
   WHERE ended_at IS NOT NULL
     AND (charge IS NULL
       OR -charge IS NOT (SELECT amount FROM entries WHERE job_id = jobs.id AND kind = 'capture'))`,

  `SELECT 'a job that has not ended has a release or a capture' AS problem, job_id AS subject FROM entries
   WHERE kind IN ('release', 'capture', 'refund')
     AND job_id IN (SELECT id FROM jobs WHERE ended_at IS NULL)`,

  `SELECT 'a job costs more than its hold' AS problem, job_id AS subject FROM entries
   WHERE kind = 'capture' AND -amount > (SELECT hold FROM jobs WHERE id = job_id)`,

  `SELECT 'a film costs more than its steps' AS problem, id AS subject FROM jobs
   WHERE is_film = 1 AND ended_at IS NOT NULL
     AND charge > (SELECT COALESCE(SUM(charge), 0) FROM film_steps WHERE job_id = jobs.id)
     AND NOT EXISTS (SELECT 1 FROM film_steps WHERE job_id = jobs.id AND kind = 'whole')`,

  `SELECT 'a piece of a film is paid for twice' AS problem, MIN(job_id) AS subject FROM film_steps
   WHERE charge > 0 AND kind = 'segment' GROUP BY upload_id, plan_hash, number HAVING COUNT(*) > 1`,

  `SELECT 'more was refunded than a job has cost' AS problem, refund.job_id AS subject FROM entries AS refund
   WHERE refund.kind = 'refund' AND refund.amount > COALESCE(
     (SELECT -amount FROM entries WHERE job_id = refund.job_id AND kind = 'capture'), -1
   )`,

  `SELECT 'a job has two entries of one kind' AS problem, job_id AS subject FROM entries
   WHERE job_id IS NOT NULL GROUP BY job_id, kind HAVING COUNT(*) > 1`,

  `SELECT 'an entry belongs to no wallet' AS problem, id AS subject FROM entries
   WHERE user_id NOT IN (SELECT user_id FROM wallets)`,

  `SELECT 'an entry belongs to no job of its user' AS problem, id AS subject FROM entries
   WHERE job_id IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = entries.job_id AND jobs.user_id = entries.user_id)`,

  `SELECT 'a wallet belongs to no user' AS problem, user_id AS subject FROM wallets
   WHERE user_id NOT IN (SELECT id FROM users)`,

  `SELECT 'a user has no wallet' AS problem, id AS subject FROM users
   WHERE id NOT IN (SELECT user_id FROM wallets)`,
];

/** How many problems of one kind are named. */
const MAX_NAMED = 20;

interface LedgerCheck {
  /** How many rows were read of each table. */
  wallets: number;
  entries: number;
  jobs: number;
  problems: { problem: string; subject: string }[];
}

/** Checks every rule in one transaction, so that all see the same moment. It reads every entry and job. */
export async function checkLedger(db: D1Database): Promise<LedgerCheck> {
  const [counts, ...rules] = await db.batch<Record<string, string | number>>([
    db.prepare(
      `SELECT (SELECT COUNT(*) FROM wallets) AS wallets, (SELECT COUNT(*) FROM entries) AS entries,
         (SELECT COUNT(*) FROM jobs) AS jobs`,
    ),
    ...LEDGER_RULES.map((rule) => db.prepare(`SELECT * FROM (${rule}) LIMIT ${MAX_NAMED}`)),
  ]);
  const row = counts?.results[0] ?? {};
  return {
    wallets: Number(row.wallets),
    entries: Number(row.entries),
    jobs: Number(row.jobs),
    problems: rules
      .flatMap((rule) => rule.results)
      .map((found) => ({ problem: String(found.problem), subject: String(found.subject) })),
  };
}
