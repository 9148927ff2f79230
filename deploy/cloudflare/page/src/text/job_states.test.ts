import assert from "node:assert/strict";
import { test } from "node:test";
import { cancelText, chargeText, spokenText, stageText, waitingText } from "./job_states.ts";

test("what a job was charged is said with the run time", () => {
  assert.equal(chargeText({ charge: 0, execution_ms: 5000 }), "You were not charged.");
  assert.equal(chargeText({ charge: null, execution_ms: null }), "You were not charged.");
  assert.equal(
    chargeText({ charge: 10_400, execution_ms: 8_100 }),
    "You were charged 0.01 $ for 8.1 s of run time.",
  );
  assert.equal(chargeText({ charge: 91_000, execution_ms: null }), "You were charged 0.09 $.");
});

test("a job that waits says for what", () => {
  assert.match(waitingText(5, 60), /^A worker may have to start first, which takes about 1 min\./);
  assert.match(waitingText(130, 60), /^The job has waited 2 min 10 s/);
});

test("what cancelling costs is said before", () => {
  const quote = { price_per_s: 325 } as Parameters<typeof cancelText>[0]["quote"];
  const job = { started_at: 1000, quote, hold: 97_500, film: null };
  assert.match(cancelText({ ...job, started_at: null }, 0), /costs nothing/);
  assert.match(cancelText(job, 13_000), /12 s.*about 0\.0039 \$/);
  assert.match(cancelText(job, 4_000_000), /about 0\.10 \$/);
  const film = { segments: 40, done: 12, running: 3, pieces: [] };
  assert.match(cancelText({ ...job, film }, 13_000), /^Only the parts that are done are charged\./);
});

test("stages that the page does not know are still shown", () => {
  assert.equal(stageText("finishing"), "Checking and uploading the result");
  assert.equal(stageText("<b>new</b>"), "Working");
});

test("a screen reader hears of a job ten times at most, not every second", () => {
  const job = (percent: number) => ({
    state: "running" as const,
    progress: { stage: "tracking", percent, eta_s: 3, frames: 1, total: 9, fps: 2 },
  });
  const said = new Set(Array.from({ length: 1000 }, (_, tenth) => spokenText(job(tenth / 10))));
  assert.deepEqual([...said].slice(0, 3), [
    "Tracking: 0 percent.",
    "Tracking: 10 percent.",
    "Tracking: 20 percent.",
  ]);
  assert.equal(said.size, 10);
  assert.equal(spokenText({ state: "completed", progress: job(100).progress }), "The job is done.");
});
