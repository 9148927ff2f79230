"""Derives from the plan of a film how the pictures of its segments are made and encoded.

The plan comes from outside. So nothing in it reaches an encoder unless this worker would have planned it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from orchestrator.errors import PlanRefused
from orchestrator.film.document import FilmEncoder, FilmModel, FilmPlan
from orchestrator.jobs.export import Format
from orchestrator.jobs.film import ExportFilm, UpscaleFilm
from orchestrator.media.write.encoder_selection import EncoderChoice, choose_for_source
from orchestrator.media.write.film_encoder import for_pieces
from orchestrator.media.write.piece_writer import has_encoder
from orchestrator.media_containers import CONTAINERS, MediaContainer
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export_request
from orchestrator.pipeline.plan import DeliveryRequest, Plan
from orchestrator.pipeline.probe_and_load import prepare
from orchestrator.pipeline.upscale import upscale_request
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract, UpscaleContract


def prepare_output(plan: FilmPlan, context: JobContext) -> tuple[Plan, TritonClient | None]:
    """Plan the output of a film as the ordinary job does, and load its model.

    Returns:
        The plan of the output, and the client of the Triton that has the model loaded; None without a model.

    Raises:
        PlanRefused: the plan makes no video, or this worker has another model than the plan was made for.
        CallerError: the request is refused.
        ServiceError: Triton or the model does not start.
    """
    output, client = prepare(plan.source.info, planned_request(plan, context), context)
    contract, model = output.contract, plan.model
    if model != (None if contract is None else film_model(contract)):
        name = plan.model.name if plan.model else "none"
        raise PlanRefused(
            f"the plan was made for other weights of model {name!r} than this worker has, or for another "
            "contract; give all workers the same model, or plan the film again"
        )
    if output.alpha or output.container.is_paced:
        raise PlanRefused("no pieces are made of this output: process the video as one ordinary job")
    return output, client


def film_model(contract: UpscaleContract | DetectContract) -> FilmModel:
    """Describe the model of a contract for a plan."""
    return FilmModel(
        name=contract.name,
        weights_sha256=contract.weights_sha256,
        precision=contract.precision,
        tensors=contract.tensors,
    )


def planned_request(plan: FilmPlan, context: JobContext) -> DeliveryRequest:
    """Return the output that the plan of a film requests.

    Raises:
        PlanRefused: the plan makes no video, names no model, or has a crop without its keyframes.
        BadRequest: the crop is refused.
    """
    film, info = plan.film, plan.source.info
    if isinstance(film, UpscaleFilm):
        if film.params.model is None:
            raise PlanRefused("the plan names no model: plan the film again")
        return upscale_request(info, film.params, context, container=_container(film.format))
    if not isinstance(film, ExportFilm):
        raise PlanRefused(f"the plan is for {film.task}, which makes no video")
    if film.params.follow is not None:
        raise PlanRefused("the plan has a crop that follows a track, not its keyframes: plan the film again")
    return export_request(
        info,
        film.params,
        context,
        container=_container(film.params.format or "mp4"),
        subjects=None,
        times_s=_no_times,
    )


def _container(name: Format) -> MediaContainer:
    return next(row for row in CONTAINERS if row.name == name)


def _no_times() -> NoReturn:
    raise AssertionError("only a crop that follows a track needs the times of all frames")


def piece_encoder(encoder: FilmEncoder | None, output: Plan) -> EncoderChoice:
    """Return the encoder of the pieces of an output, as the plan has it.

    Args:
        encoder: the encoder of the plan.
        output: the output, from `prepare_output`.

    Raises:
        PlanRefused: this worker would encode the pieces with other settings, or has no such encoder.
    """
    if encoder is None:
        raise PlanRefused("the plan has no encoder: plan the film again")
    container = output.container
    on_cpu = tuple(name for name in container.encoders if not name.endswith("_nvenc"))
    width, height = output.window.size
    stored, _ = container.displayed(width, output.window.sample_aspect_ratio)
    choices = (
        choose_for_source(
            allowed,
            output.output_info,
            width=stored,
            height=height,
            form=output.form,
            quality=output.quality,
            alpha=False,
        )
        # Workers without a GPU plan films that workers with one may encode.
        for allowed in (container, replace(container, encoders=on_cpu))
    )
    choice = next((choice for choice in choices if choice.encoder == encoder.encoder), None)
    if choice is None or not has_encoder(choice.encoder):
        raise PlanRefused(
            f"the plan encodes with {encoder.encoder}, and this worker does not: run the segment on a worker "
            "like the one that planned the film, or plan it on this one"
        )
    pieces = for_pieces(choice)
    ours = FilmEncoder(
        encoder=pieces.choice.encoder,
        pixel_format=pieces.choice.pixel_format,
        options=pieces.choice.options,
        tag=pieces.choice.tag,
        threads=pieces.threads,
    )
    if ours != encoder:
        raise PlanRefused(
            "the plan encodes its pieces with other settings than this worker: it was made by another "
            "version, plan the film again"
        )
    return pieces.choice
