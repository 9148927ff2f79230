"""Plans the output of a film again from its plan, for the assembly, which has no model at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import PieceDamaged, PlanRefused
from orchestrator.film.document import FilmEncoder, FilmPlan
from orchestrator.jobs.film import ExportFilm, TrackFilm, UpscaleFilm
from orchestrator.media.colour.pixel_format import chroma_subsampling
from orchestrator.media_containers import MediaContainer, by_suffix
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export_request
from orchestrator.pipeline.plan import DeliveryRequest, Plan
from orchestrator.pipeline.plan import plan as plan_output
from orchestrator.pipeline.upscale import upscale_request

LARGEST_SCALE = 16
"""The largest scale of a model that is tried, as `UpscaleParams.scale` allows."""


@dataclass(frozen=True, kw_only=True)
class AssembledOutput:
    """The output of a film.

    Attributes:
        request: what the film requests.
        planned: the output as the ordinary job plans it, but for what depends on the model's contract.
        encoder: the encoder of the pieces.
        sample_aspect_ratio: width : height of a pixel, as stored.
    """

    request: DeliveryRequest
    planned: Plan
    encoder: FilmEncoder
    sample_aspect_ratio: Fraction


def film_container(film: UpscaleFilm | ExportFilm) -> MediaContainer:
    """Return the container of a film.

    Raises:
        PlanRefused: its format cannot be made of pieces.
    """
    name = film.format if isinstance(film, UpscaleFilm) else film.params.format or "mp4"
    container = by_suffix(f".{name}")
    if container is None or container.is_paced:
        raise PlanRefused(f"a {name} cannot be made of pieces; run the ordinary job")
    return container


def assembled_output(plan: FilmPlan, size: tuple[int, int], context: JobContext) -> AssembledOutput:
    """Plan the output of a film.

    Args:
        plan: the plan of the film.
        size: width and height of the pieces, in pixels.
        context: gives the limits.

    Raises:
        PlanRefused: the plan is not one of a video.
        PieceDamaged: the pieces have another size than the film.
        CallerError: the request is refused, as the ordinary job refuses it.
    """
    if plan.encoder is None or isinstance(plan.film, TrackFilm):
        raise PlanRefused("the plan makes no video; plan the film again")
    container, info = film_container(plan.film), plan.source.info
    if isinstance(plan.film, UpscaleFilm):
        request = upscale_request(info, plan.film.params, context, container=container)
    else:
        request = export_request(
            info, plan.film.params, context, container=container, subjects=None, times_s=_no_times
        )
    for candidate in _scaled(request):
        planned = plan_output(info, candidate, None, context.limits)
        width, height = planned.window.size
        stored, aspect = container.displayed(width, planned.window.sample_aspect_ratio)
        across, down = chroma_subsampling(plan.encoder.pixel_format)
        if (-(-stored // across) * across, -(-height // down) * down) == size:
            return AssembledOutput(
                request=request, planned=planned, encoder=plan.encoder, sample_aspect_ratio=aspect
            )
    raise PieceDamaged(f"the pieces are {size[0]}x{size[1]}, which the film is not: make them again")


def _scaled(request: DeliveryRequest) -> Iterator[DeliveryRequest]:
    """Yield a request with each scale that its model may have; it is the size of the pieces that decides."""
    if request.model is None or request.size is not None or request.scale is not None:
        yield request
        return
    for scale in range(1, LARGEST_SCALE + 1):
        yield replace(request, scale=float(scale))


def _no_times() -> NDArray[np.float64]:
    raise PlanRefused(
        "the plan has a crop that follows a track, not a list of keyframes; plan the film again"
    )
