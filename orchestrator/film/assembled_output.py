"""Plans the output of a film again from its plan, for the assembly, which has no model at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator.errors import PieceDamaged, PlanRefused
from orchestrator.film.document import FilmEncoder, FilmPlan
from orchestrator.film.segment_output import planned_request
from orchestrator.media.colour.pixel_format import chroma_subsampling
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.plan import DeliveryRequest, Plan
from orchestrator.pipeline.plan import plan as plan_output

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


def assembled_output(plan: FilmPlan, size: tuple[int, int], context: JobContext) -> AssembledOutput:
    """Plan the output of a film.

    Args:
        plan: the plan of the film.
        size: width and height of the pieces, in pixels.
        context: gives the limits.

    Raises:
        PlanRefused: the plan makes no video.
        PieceDamaged: the pieces have another size than the film.
        CallerError: the request is refused, as the ordinary job refuses it.
    """
    request, info, encoder = planned_request(plan, context), plan.source.info, plan.encoder
    if encoder is None:
        raise PlanRefused("the plan has no encoder: plan the film again")
    container = request.container
    try:
        across, down = chroma_subsampling(encoder.pixel_format)
    except ValueError as exc:
        raise PlanRefused("the plan has an encoder that makes no video: plan the film again") from exc
    for candidate in _scaled(request):
        planned = plan_output(info, candidate, None, context.limits)
        width, height = planned.window.size
        stored, aspect = container.displayed(width, planned.window.sample_aspect_ratio)
        if (-(-stored // across) * across, -(-height // down) * down) == size:
            return AssembledOutput(
                request=request, planned=planned, encoder=encoder, sample_aspect_ratio=aspect
            )
        if width > size[0]:
            break
    raise PieceDamaged(
        f"piece 0 is {size[0]}x{size[1]}, which is not the size of the film: make all segments again",
        piece=0,
    )


def _scaled(request: DeliveryRequest) -> Iterator[DeliveryRequest]:
    """Yield a request with each scale that its model may have. The size of the pieces decides."""
    if request.model is None or request.size is not None or request.scale is not None:
        yield request
        return
    for scale in range(1, LARGEST_SCALE + 1):
        yield replace(request, scale=float(scale))
