"""Defines the jobs that a worker accepts and their results, one module for each task."""

from orchestrator.jobs.export import CropBox, ExportParams, ExportResult, ExportStats, Follow, Keyframe
from orchestrator.jobs.fidelity import ComparedPicture, FidelityReport, FidelityReportFile, WorstAndMean
from orchestrator.jobs.job_cost import JobCost
from orchestrator.jobs.multipart_urls import OutputParts
from orchestrator.jobs.preview import Preview, Still
from orchestrator.jobs.task_table import ExportJob, FileJob, Job, TrackJob, UpscaleJob, parse_job
from orchestrator.jobs.track import TrackedVideo, TrackParams, TrackResult, TrackStats
from orchestrator.jobs.upscale import Quality, UpscaleParams, UpscaleResult, UpscaleStats
from orchestrator.jobs.validation import Strict, parse

__all__ = [
    "ComparedPicture",
    "CropBox",
    "ExportJob",
    "ExportParams",
    "ExportResult",
    "ExportStats",
    "FidelityReport",
    "FidelityReportFile",
    "FileJob",
    "Follow",
    "Job",
    "JobCost",
    "Keyframe",
    "OutputParts",
    "Preview",
    "Quality",
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
