"""Compares rules that decide by the scores of a track whether it is reported.

    python -m benchmarks.tracker.report_rules

Every rule gets the same tracks of our tracker, of all real data sets, on all scales of scores
(benchmarks/tracker/score_scales.py), at confidences of 0.3, 0.5 and 0.7. The table shows misses and false
boxes in per cent of the truth's boxes, and missed objects and false tracks in per cent of the objects, as
means over scales and confidences. Then, for each data set, the rule for which the mean of the two is least on
the other data sets, and what it does on this one: first out of all rules that report what the mean reports,
then out of the run lengths and margins of the rule that is in use. `--clips` adds made clips, in which our
`lite-detector` finds drawn figures, as a data set.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tracker import peers, real
from benchmarks.tracker.faults import Faults, count
from benchmarks.tracker.reported import CONFIDENCES
from benchmarks.tracker.scenes import Scene
from benchmarks.tracker.score_scales import SCALES, rescaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.track_output.reported_tracks import ReportedTrack

Rule = Callable[["NDArray[np.float64]", float], bool]
"""Takes the scores of a track's detections, float64 [N], and the confidence."""


def mean(scores: NDArray[np.float64], confidence: float) -> bool:
    """The whole track scores enough on average."""
    return float(scores.mean()) >= confidence


def best_stretch(scores: NDArray[np.float64], confidence: float, *, shortest: int) -> bool:
    """A stretch of at least so many detections, or the whole track, scores enough on average."""
    shortest = min(shortest, len(scores))
    sums = np.append(0, np.cumsum(scores - confidence))
    lowest = np.minimum.accumulate(sums[: len(sums) - shortest])
    return bool((sums[shortest:] >= lowest).any())


def quantile(scores: NDArray[np.float64], confidence: float, *, share: float) -> bool:
    """So large a share of the detections may score less."""
    return float(np.quantile(scores, share)) >= confidence


def best_detections(scores: NDArray[np.float64], confidence: float, *, most: int) -> bool:
    """The best detections, wherever they are, score enough on average."""
    return float(np.sort(scores)[-most:].mean()) >= confidence


def evidence(scores: NDArray[np.float64], confidence: float, *, least: float) -> bool:
    """In a stretch the log-odds exceed those of the confidence by a sum, or on average in the whole track."""
    inside = np.clip(scores, 1e-6, 1 - 1e-6)
    above = np.log(inside / (1 - inside)) - np.log(confidence / (1 - confidence))
    sums = np.append(0, np.cumsum(above))
    return bool(above.mean() >= 0 or (sums - np.minimum.accumulate(sums)).max() >= least)


def mean_or_clear_stretch(
    scores: NDArray[np.float64], confidence: float, *, shortest: int, margin: float
) -> bool:
    """The whole track scores enough on average, or a stretch of it more than enough."""
    clear = len(scores) >= shortest and best_stretch(scores, confidence + margin, shortest=shortest)
    return mean(scores, confidence) or clear


def mean_or_excess(scores: NDArray[np.float64], confidence: float, *, least: float) -> bool:
    """The whole track scores enough on average, or the scores of a stretch exceed the confidence by a sum."""
    return mean(scores, confidence) or excess(scores, confidence, least=least)


def excess(scores: NDArray[np.float64], confidence: float, *, least: float) -> bool:
    """In a stretch the scores exceed the confidence by a sum, so long tracks pass more easily."""
    sums = np.append(0, np.cumsum(scores - confidence))
    return bool((sums - np.minimum.accumulate(sums)).max() >= least)


def spread(scores: NDArray[np.float64], confidence: float, *, deviations: float) -> bool:
    """The mean and some standard deviations are enough."""
    return float(scores.mean() + deviations * scores.std()) >= confidence


def length_aware(scores: NDArray[np.float64], confidence: float, *, width: float) -> bool:
    """The lower bound of the mean is enough; the longer the track, the closer it is to the mean."""
    return float(scores.mean() - width / np.sqrt(len(scores))) >= confidence


IN_USE = "mean, or stretch of 8 or more by 0.05 above"
RUNS_AND_MARGINS: dict[str, Rule] = {
    f"mean, or stretch of {n} or more by {margin} above": partial(
        mean_or_clear_stretch, shortest=n, margin=margin
    )
    for n in (5, 8, 12, 16)
    for margin in (0, 0.025, 0.05, 0.075, 0.1)
}
RULES: dict[str, Rule] = {
    "mean of the track": mean,
    **{
        f"best stretch of {n} or more": partial(best_stretch, shortest=n)
        for n in (1, 2, 3, 5, 8, 10, 12, 20, 30)
    },
    **RUNS_AND_MARGINS,
    **{f"mean, or excess of {least}": partial(mean_or_excess, least=least) for least in (0.3, 0.5, 1.0, 2.0)},
    **{f"quantile {share}": partial(quantile, share=share) for share in (0.6, 0.75, 0.9)},
    **{f"best {n} detections": partial(best_detections, most=n) for n in (3, 8, 12)},
    **{f"mean, or evidence of {least}": partial(evidence, least=least) for least in (0.5, 1.0, 2.0)},
    **{f"excess of {least}": partial(excess, least=least) for least in (0.3, 0.5, 1.0, 2.0)},
    **{f"mean + {n} deviations": partial(spread, deviations=n) for n in (0.25, 0.5, 1.0)},
    **{f"mean - {width}/sqrt(length)": partial(length_aware, width=width) for width in (0.1, 0.2)},
}


def loses_nothing(name: str) -> bool:
    """Tell whether a rule reports every track whose own mean score is enough."""
    return name.startswith(("mean of", "mean, or", "mean +", "best"))


def faults_by_rule(sequences: list[real.RealSequence], confidence: float) -> dict[str, Faults]:
    """Track a data set once at a confidence, and count the faults with each rule."""
    totals = dict.fromkeys(RULES, Faults())
    for sequence in sequences:
        scene = sequence.scene
        tracker = peers.Ours(width=scene.width, height=scene.height, rate=scene.rate, confidence=confidence)
        for frame, rows in enumerate(sequence.detections):
            tracker.update(frame, rows)
        tracks = tracker.finish().reported(confidence=0, classes=None)
        counted: dict[frozenset[int], Faults] = {}
        for name, rule in RULES.items():
            reported = [track for track in tracks if rule(_scores(track), confidence)]
            key = frozenset(track.id for track in reported)
            if key not in counted:
                counted[key] = count(sequence, peers.by_frame(reported, len(sequence.detections)))
            totals[name] += counted[key]
    return totals


def _scores(track: ReportedTrack) -> NDArray[np.float64]:
    """Return the scores of its detections, to six decimals: 0.9 in float32 is a little less."""
    scores: NDArray[np.float64] = track.scores[~track.interpolated].astype(np.float64).round(6)
    return scores


def made_clips(number: int) -> list[real.RealSequence]:
    """Detect the figures of held-out clips of the lite-detector; hardly visible ones do not count."""
    # Imported here because other data sets need neither onnxruntime nor scikit-image.
    from training.lite_detector import clips, evaluate, evaluate_tracks, shots  # noqa: PLC0415

    detect = evaluate_tracks.letterboxed(evaluate.onnx_detector(evaluate.MODEL))
    found = []
    for index, frames in enumerate(clips.held_out_clips(number)):
        pictured = list(frames)
        figures = [scene.figures for scene in pictured]
        counted = [[one for one in row if one.labelled] for row in figures]
        scene = Scene(
            name=f"clip {index}",
            width=shots.WIDTH,
            height=shots.HEIGHT,
            rate=Fraction(clips.RATE),
            ids=[np.array([one.identity for one in row], np.int64) for row in counted],
            boxes=[_boxes([one.box for one in row]) for row in counted],
            screens=np.empty((0, 4)),
        )
        found.append(
            real.RealSequence(
                data_set="made clips",
                scene=scene,
                detections=[detect(one.picture) for one in pictured],
                uncounted=[_boxes([one.box for one in row if not one.labelled]) for row in figures],
                regions=[np.empty((0, 4))] * len(pictured),
            )
        )
    return found


def _boxes(boxes: list[tuple[float, float, float, float]]) -> NDArray[np.float64]:
    return np.array(boxes, np.float64).reshape(-1, 4)


def print_left_out(rules: Iterable[str], errors: dict[str, dict[str, tuple[float, float]]]) -> None:
    """Print for each data set the rule that is best on the others, and what it does on this one."""
    print("| left out | chosen on the others | it on the one left out | in use | mean of the track | best |")
    print("|---|---|---|---|---|---|")
    rules = list(rules)
    for one in errors[rules[0]]:
        chosen = min(rules, key=lambda rule: fmean(_mean_of(_others(errors[rule], one))))
        best = min(rules, key=lambda rule: fmean(errors[rule][one]))
        cells = [_cell(errors[rule][one]) for rule in (chosen, IN_USE, "mean of the track", best)]
        print(f"| {one} | {chosen} |", " | ".join(cells), f"({best}) |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real.add_arguments(parser)
    parser.add_argument("--clips", type=int, default=0, help="made clips (default: 0)")
    arguments = parser.parse_args()
    data_sets = real.chosen(parser, arguments)
    if arguments.clips:
        data_sets["made clips"] = made_clips(arguments.clips)
    command = f"python -m benchmarks.tracker.report_rules --clips {arguments.clips}"
    print(f"{command}; {dt.date.today()}\n")  # noqa: DTZ011
    runs: dict[str, list[dict[str, Faults]]] = {
        data_set: [
            faults_by_rule(rescaled(sequences, scale), confidence)
            for scale in SCALES
            for confidence in CONFIDENCES
        ]
        for data_set, sequences in data_sets.items()
    }
    errors = {rule: {one: _errors([run[rule] for run in runs[one]]) for one in runs} for rule in RULES}
    print("| rule |", " | ".join(runs), "| mean |")
    print("|---|" + "---|" * (1 + len(runs)))
    for rule in RULES:
        cells = [_cell(errors[rule][one]) for one in runs]
        print(f"| {rule} |", " | ".join(cells), f"| {_cell(_mean_of(errors[rule].values()))} |")
    print("\nOf the rules that report what the mean reports, and more:\n")
    print_left_out(filter(loses_nothing, RULES), errors)
    print("\nOf the run lengths and margins:\n")
    print_left_out(RUNS_AND_MARGINS, errors)


def _errors(runs: list[Faults]) -> tuple[float, float]:
    """Return wrong boxes and wrong tracks, in per cent, as means over runs."""
    return fmean(run.wrong_boxes for run in runs), fmean(run.wrong_tracks for run in runs)


def _mean_of(errors: Iterable[tuple[float, float]]) -> tuple[float, float]:
    boxes, tracks = zip(*errors, strict=True)
    return fmean(boxes), fmean(tracks)


def _others(errors: dict[str, tuple[float, float]], left_out: str) -> list[tuple[float, float]]:
    return [of_set for data_set, of_set in errors.items() if data_set != left_out]


def _cell(errors: tuple[float, float]) -> str:
    return f"{errors[0]:.1f} {errors[1]:.1f}"


if __name__ == "__main__":
    main()
