import assert from "node:assert/strict";
import { test } from "node:test";
import { links, routeOf } from "./route.ts";

const ID = "0123456789abcdef0123456789abcdef";

test("every link leads to its view", () => {
  assert.deepEqual(routeOf(links.start), { view: "start" });
  assert.deepEqual(routeOf(""), { view: "start" });
  assert.deepEqual(routeOf(links.jobs), { view: "jobs" });
  assert.deepEqual(routeOf(links.wallet), { view: "wallet" });
  assert.deepEqual(routeOf(links.job(`job_${ID}`)), { view: "job", jobId: `job_${ID}` });
  assert.deepEqual(routeOf(links.order(`up_${ID}`)), { view: "order", uploadId: `up_${ID}` });
});

test("anything else is unknown", () => {
  for (const fragment of ["#/jobs/../wallet", "#/jobs/job_x", "#/uploads", "#/x", `#/jobs/job_${ID}/more`]) {
    assert.deepEqual(routeOf(fragment), { view: "unknown" }, fragment);
  }
});
