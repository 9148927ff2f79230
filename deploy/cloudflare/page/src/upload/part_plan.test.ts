import assert from "node:assert/strict";
import { test } from "node:test";
import type { Upload } from "../api/client.ts";
import { arrivedBytes, PartPlan } from "./part_plan.ts";

/** An open upload of 25 bytes in parts of 10, as the API describes it. */
function upload(missing: number[], uploaded: number[], next: number | null = null): Upload {
  const parts = missing.map((number) => ({
    number,
    bytes: number === 3 ? 5 : 10,
    url: `https://s3/${number}`,
  }));
  const more = { method: "parts", part_bytes: 10, parts, uploaded, next } as const;
  return {
    id: "up_1",
    name: "a.mp4",
    content_type: "video/mp4",
    state: "open",
    bytes: 25,
    created_at: 0,
    kept_until: 1,
    ...more,
  };
}

test("every missing part is taken once", () => {
  const plan = new PartPlan(upload([1, 3], [2]));
  assert.equal(plan.sentBytes, 10);
  assert.deepEqual([plan.take()?.number, plan.take()?.number, plan.take()], [1, 3, null]);
  assert.equal(plan.next, null);
});

test("bytes under way count until the part fails, and for good when it has arrived", () => {
  const plan = new PartPlan(upload([1, 2, 3], []));
  plan.take();
  plan.take();
  plan.progress(1, 4);
  plan.progress(2, 7);
  assert.equal(plan.sentBytes, 11);
  plan.progress(1, 0);
  assert.equal(plan.sentBytes, 7);
  plan.arrive(2);
  assert.equal(plan.sentBytes, 10);
  plan.drop(1);
  assert.equal(plan.sentBytes, 10);
  // A request says that it has sent more than the part has: its headers, in some browsers.
  plan.take();
  plan.progress(3, 99);
  assert.equal(plan.sentBytes, 15);
});

test("a further page adds what is neither under way nor there", () => {
  const plan = new PartPlan(upload([1], [], 2));
  assert.equal(plan.next, null);
  plan.take();
  assert.equal(plan.next, 2);
  plan.add(upload([1, 2, 3], []));
  assert.deepEqual([plan.take()?.number, plan.take()?.number, plan.take(), plan.next], [2, 3, null, null]);
});

test("the last part is as long as what is left", () => {
  const plan = new PartPlan(upload([1, 2, 3], []));
  assert.deepEqual(
    [1, 2, 3].map((number) => plan.rangeOf(number)),
    [
      [0, 10],
      [10, 20],
      [20, 25],
    ],
  );
});

test("an open upload says how much of it has arrived", () => {
  assert.equal(arrivedBytes(upload([2], [1, 3])), 15);
  assert.equal(arrivedBytes({ ...upload([], []), method: "put" }), 0);
});
