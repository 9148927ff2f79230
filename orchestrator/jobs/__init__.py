"""Defines the jobs that a worker accepts and their results, one module for each task."""

from orchestrator.jobs.crop import CropBox, Follow, FollowedStretch, Keyframe, SafeShares
from orchestrator.jobs.export import ExportParams, ExportResult, ExportStats
from orchestrator.jobs.fidelity import (
    ComparedPicture,
    FidelityReport,
    FidelityReportFile,
    FlickerOfPair,
    FlickerReport,
    WorstAndMean,
)
from orchestrator.jobs.film_jobs import AssembleJob, PlanJob, SegmentJob
from orchestrator.jobs.job import DeliveryJob, FileJob, Job
from orchestrator.jobs.job_cost import JobCost
from orchestrator.jobs.multipart_urls import OutputParts
from orchestrator.jobs.preview import Preview, Still
from orchestrator.jobs.task_table import ExportJob, TrackJob, UpscaleJob, parse_job
from orchestrator.jobs.track import TrackedVideo, TrackParams, TrackResult, TrackStats
from orchestrator.jobs.upscale import Quality, UpscaleParams, UpscaleResult, UpscaleStats
from orchestrator.jobs.validation import Strict, parse

__all__ = [
    "AssembleJob",
    "ComparedPicture",
    "CropBox",
    "DeliveryJob",
    "ExportJob",
    "ExportParams",
    "ExportResult",
    "ExportStats",
    "FidelityReport",
    "FidelityReportFile",
    "FileJob",
    "FlickerOfPair",
    "FlickerReport",
    "Follow",
    "FollowedStretch",
    "Job",
    "JobCost",
    "Keyframe",
    "OutputParts",
    "PlanJob",
    "Preview",
    "Quality",
    "SafeShares",
    "SegmentJob",
    "Still",
    "Strict",
    "TrackJob",
    "TrackParams",
    "TrackResult",
    "TrackStats",
    "TrackedVideo",
    "UpscaleJob",
    "UpscaleParams",
    "UpscaleResult",
    "UpscaleStats",
    "WorstAndMean",
    "parse",
    "parse_job",
]
