/**
 * Prints the SQL of the ledger check, for a database whose API does not run:
 *
 *     wrangler d1 execute framewright --remote --command "$(node scripts/print_ledger_check.ts)"
 *
 * Each query returns no row if the ledger is sound.
 */

import { LEDGER_RULES } from "../api/ledger_check.ts";

console.log(LEDGER_RULES.map((rule) => `${rule};`).join("\n"));
