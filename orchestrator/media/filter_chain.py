"""Runs pictures through a chain of FFmpeg's filters."""

from __future__ import annotations

import av
from av.filter import Graph


def filter_chain(source: str, *filters: tuple[str, str | None], threads: int = 0) -> Graph:
    """Return a graph of filters in a row; push pictures into it, and pull the results.

    Args:
        source: what the pictures are like, as options of the buffer filter: see `buffer_options`.
        filters: name and options of each filter.
        threads: number of filter threads; 0 starts one per core.

    Raises:
        av.error.FFmpegError: a filter does not accept its options or the pictures.
    """
    graph = Graph()
    graph.threads = threads
    steps = [("buffer", f"{source}:time_base=1/1"), *filters, ("buffersink", None)]
    graph.link_nodes(*(graph.add(name, options) for name, options in steps))
    graph.configure()
    return graph


def buffer_options(picture: av.VideoFrame) -> str:
    """Return the size and the pixel format of a picture, as options of the buffer filter."""
    return f"video_size={picture.width}x{picture.height}:pix_fmt={picture.format.name}"
