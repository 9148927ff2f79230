/**
 * Runs the API, and counts what it asks of D1. Tests and benchmarks start this in place of api/index.ts.
 *
 * Every answer has the headers X-D1-Round-Trips (calls that wait for D1: first, all, run, raw, batch) and
 * X-D1-Statements (how many statements they hold). A cron event logs both as an event `d1`.
 */

import api from "../api/index.ts";
import type { Env } from "../api/settings.ts";

class Count {
  roundTrips = 0;
  statements = 0;

  add(statements: number): void {
    this.roundTrips += 1;
    this.statements += statements;
  }
}

export { FilmWorkflow } from "../api/index.ts";

/** Returns the same database, which counts its calls. A method that is not known here is an error. */
function countedDatabase(database: D1Database, count: Count): D1Database {
  return {
    prepare: (sql: string) => countedStatement(database.prepare(sql), count),
    batch: (statements: D1PreparedStatement[]) => {
      count.add(statements.length);
      return database.batch(statements);
    },
  } as D1Database;
}

function countedStatement(statement: D1PreparedStatement, count: Count): D1PreparedStatement {
  return new Proxy(statement, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === "bind") {
        return (...values: unknown[]) => countedStatement(target.bind(...values), count);
      }
      return (...values: unknown[]) => {
        count.add(1);
        return value.apply(target, values);
      };
    },
  });
}

export default {
  async fetch(request, env, context) {
    const count = new Count();
    const answer = await api.fetch(request, { ...env, DB: countedDatabase(env.DB, count) }, context);
    const counted = new Response(answer.body, answer);
    counted.headers.set("X-D1-Round-Trips", String(count.roundTrips));
    counted.headers.set("X-D1-Statements", String(count.statements));
    return counted;
  },

  async scheduled(event, env) {
    const count = new Count();
    await api.scheduled(event, { ...env, DB: countedDatabase(env.DB, count) });
    console.log(JSON.stringify({ event: "d1", round_trips: count.roundTrips, statements: count.statements }));
  },
} satisfies ExportedHandler<Env>;
