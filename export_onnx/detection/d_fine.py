"""Opens D-FINE weights with transformers, exports their network, and runs it as transformers does.

The weight files are those of the authors (Peterande/D-FINE), which name the tensors in their own way; they
are opened as tensors, without running code. transformers (Apache-2.0) has the network, and only this module
imports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from export_onnx.catalog_model import CATALOG
from export_onnx.detection.transformer_detector import (
    BestPairs,
    OpenedTransformerDetector,
    check_most,
    export_raw,
    halved,
    published_tensors,
)
from export_onnx.tensor_names import MAX_DETECTIONS, Precision
from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export_onnx.weight_file import WeightFile

SIDE_PX = 640
_HALVED = ("model.backbone", "model.encoder")
_NO_MEAN, _NO_STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
"""D-FINE takes levels from 0 to 1 as they are."""

_HEAD = "decoder.dec_score_head.0.bias"
_STEM = "backbone.stem.stem3.conv.weight"
_WIDTH = "decoder.enc_output.proj.weight"
_MARKS = {_HEAD, _STEM, _WIDTH}
"""Tensors that tell the sizes apart."""

_ADVICE = "use the weights of D-FINE n, s, m or l, trained on COCO"


@dataclass(frozen=True, kw_only=True)
class _Size:
    """A size of D-FINE: what differs from transformers' defaults, from the authors' configs/dfine/*.yml.

    Attributes:
        backbone: of the HGNetV2 backbone.
        detector: of the encoder and the decoder.
    """

    backbone: dict[str, Any]
    detector: dict[str, Any]


_B0 = {
    "hidden_sizes": [64, 256, 512, 1024],
    "stem_channels": [3, 16, 16],
    "stage_in_channels": [16, 64, 256, 512],
    "stage_mid_channels": [16, 32, 64, 128],
    "stage_out_channels": [64, 256, 512, 1024],
    "stage_num_blocks": [1, 1, 2, 1],
    "stage_numb_of_layers": [3, 3, 3, 3],
    "use_learnable_affine_block": True,
}
_B2 = {
    "hidden_sizes": [96, 384, 768, 1536],
    "stem_channels": [3, 24, 32],
    "stage_in_channels": [32, 96, 384, 768],
    "stage_mid_channels": [32, 64, 128, 256],
    "stage_out_channels": [96, 384, 768, 1536],
    "stage_num_blocks": [1, 1, 3, 1],
    "stage_numb_of_layers": [4, 4, 4, 4],
    "use_learnable_affine_block": True,
}
_B4 = {
    "hidden_sizes": [128, 512, 1024, 2048],
    "stem_channels": [3, 32, 48],
    "stage_in_channels": [48, 128, 512, 1024],
    "stage_mid_channels": [48, 96, 192, 384],
    "stage_out_channels": [128, 512, 1024, 2048],
    "stage_num_blocks": [1, 1, 3, 1],
    "stage_numb_of_layers": [6, 6, 6, 6],
    "use_learnable_affine_block": False,
}
_POINTS = {"decoder_n_points": [3, 6, 3]}

SIZES = {
    "n": _Size(
        backbone=_B0 | {"out_indices": [3, 4]},
        detector={
            "num_feature_levels": 2,
            "feat_strides": [16, 32],
            "d_model": 128,
            "encoder_hidden_dim": 128,
            "encoder_in_channels": [512, 1024],
            "encoder_ffn_dim": 512,
            "encode_proj_layers": [1],
            "decoder_in_channels": [128, 128],
            "decoder_ffn_dim": 512,
            "decoder_n_points": [6, 6],
            "decoder_layers": 3,
            "depth_mult": 0.5,
            "hidden_expansion": 0.34,
        },
    ),
    "s": _Size(
        backbone=_B0,
        detector=_POINTS
        | {
            "encoder_in_channels": [256, 512, 1024],
            "decoder_layers": 3,
            "depth_mult": 0.34,
            "hidden_expansion": 0.5,
        },
    ),
    "m": _Size(
        backbone=_B2,
        detector=_POINTS | {"encoder_in_channels": [384, 768, 1536], "decoder_layers": 4, "depth_mult": 0.67},
    ),
    "l": _Size(backbone=_B4, detector=_POINTS | {"encoder_in_channels": [512, 1024, 2048]}),
}
"""The sizes by the letter that the authors give them."""

_PUBLISHED_NAMES: tuple[tuple[str, str], ...] = (
    (r"^model\.", ""),
    (r"^(class_embed|bbox_embed)\.", r"decoder.\1."),
    (r"^backbone\.model\.embedder\.", "backbone.stem."),
    (r"^backbone\.model\.encoder\.", "backbone."),
    (r"^(backbone\..*)\.convolution\.", r"\1.conv."),
    (r"^(backbone\..*)\.normalization\.", r"\1.bn."),
    (r"^(encoder|decoder)_input_proj\.(\d+)\.0\.", r"\1.input_proj.\2.conv."),
    (r"^(encoder|decoder)_input_proj\.(\d+)\.1\.", r"\1.input_proj.\2.norm."),
    (r"^(encoder\.(?:fpn|pan)_blocks\.\d+)\.csp_rep1\.", r"\1.cv2.0."),
    (r"^(encoder\.(?:fpn|pan)_blocks\.\d+)\.csp_rep2\.", r"\1.cv3.0."),
    (r"^(encoder\.(?:fpn|pan)_blocks\.\d+)\.conv([14])\.", r"\1.cv\2."),
    (r"^(encoder\.(?:fpn|pan)_blocks\.\d+)\.conv([23])\.", r"\1.cv\2.1."),
    (r"^(encoder\.downsample_convs\.\d+)\.conv", r"\1.0.cv"),
    (r"^encoder\.aifi\.", "encoder.encoder."),
    (r"^decoder\.(layers|lqe_layers)\.", r"decoder.decoder.\1."),
    (r"\.self_attn\.o_proj\.", ".self_attn.out_proj."),
    (r"\.mlp\.layers\.0\.", ".linear1."),
    (r"\.mlp\.layers\.1\.", ".linear2."),
    (r"\.self_attn_layer_norm\.", ".norm1."),
    (r"\.encoder_attn_layer_norm\.", ".norm2."),
    (r"^(encoder\..*)\.final_layer_norm\.", r"\1.norm2."),
    (r"^(decoder\..*)\.final_layer_norm\.", r"\1.norm3."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"^decoder\.class_embed\.", "decoder.dec_score_head."),
    (r"^decoder\.bbox_embed\.", "decoder.dec_bbox_head."),
    (r"^enc_output\.0\.", "decoder.enc_output.proj."),
    (r"^enc_output\.1\.", "decoder.enc_output.norm."),
    (r"^(enc_score_head|enc_bbox_head|denoising_class_embed)\.", r"decoder.\1."),
)
"""Replacements that lead, in this order, from the names in transformers to those in weight files."""

_QUERY_KEY_VALUE = re.compile(r"(.*\.self_attn\.)([qkv])_proj\.(weight|bias)")


class _LogitsAndBoxes(torch.nn.Module):
    """Runs the network of transformers, and returns tensors only."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits [N, Q, C] and boxes [N, Q, 4]."""
        found = self.network(pictures)
        return found.logits, found.pred_boxes


def open_weights(
    weights: WeightFile, precision: Precision, *, max_detections: int = MAX_DETECTIONS
) -> OpenedTransformerDetector:
    """Open a weight file and export its network.

    Args:
        weights: the authors' weight file of a D-FINE detector.
        precision: the precision of the exported backbone and encoder; `predict` is always fp32.
        max_detections: the maximum number of boxes in a picture.

    Raises:
        BadRequest: the network has fewer queries than `max_detections`.
        WeightsRefused: it is not a D-FINE detector of COCO's classes, or is damaged.
        ModelBuildFailed: it cannot be exported.
    """
    state = published_tensors(weights, "D-FINE", _MARKS, advice=_ADVICE)
    network = _network(state, weights.file)
    check_most(max_detections, network.config.num_queries)
    names = tuple(CATALOG.with_name("coco.txt").read_text(encoding="utf-8").splitlines())
    raw = export_raw(
        BestPairs(
            _LogitsAndBoxes(halved(network, _HALVED if precision == "fp16" else ())),
            side=SIDE_PX,
            class_numbers=range(len(names)),
            most=max_detections,
            mean=_NO_MEAN,
            std=_NO_STD,
        )
    )

    def predict(images: NDArray[np.uint8], score_threshold: float) -> list[NDArray[np.float32]]:
        from transformers import RTDetrImageProcessor  # noqa: PLC0415  takes seconds

        processor = RTDetrImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX})
        with torch.no_grad():
            found = network(**processor(images=list(images), return_tensors="pt"))
        results = processor.post_process_object_detection(
            found, threshold=score_threshold, target_sizes=[images.shape[1:3]] * len(images)
        )
        return [
            np.column_stack([result["boxes"], result["scores"], result["labels"]]).astype(np.float32)
            for result in results
        ]

    return OpenedTransformerDetector(
        classes=names,
        square_side=SIDE_PX,
        raw=raw,
        own_predict=predict,
        published_as=f"d-fine-{_size(state, weights.file)}",
        tools=("torch", "transformers", "onnx", "onnxruntime"),
    )


def new_network(size: str) -> Any:
    """Return a D-FINE network of COCO's classes with random weights, for evaluation.

    Args:
        size: a key of `SIZES`.
    """
    from transformers import DFineConfig, DFineForObjectDetection, HGNetV2Config  # noqa: PLC0415  takes seconds

    levels = {"out_indices": [2, 3, 4]} | SIZES[size].backbone
    config = DFineConfig(num_labels=80, backbone_config=HGNetV2Config(**levels), **SIZES[size].detector)
    return DFineForObjectDetection(config).eval()


def published_name(name: str) -> str:
    """Return the name in the authors' files of a tensor of transformers' network.

    Query, key and value of a self-attention are thirds of one tensor there, and have the name of the whole.
    """
    for pattern, replacement in _PUBLISHED_NAMES:
        name = re.sub(pattern, replacement, name)
    third = _QUERY_KEY_VALUE.fullmatch(name)
    return f"{third[1]}in_proj_{third[3]}" if third else name


def third_of(name: str) -> int | None:
    """Return which third of its published tensor a tensor of transformers is, 0 to 2; None if all of it."""
    found = re.search(r"\.self_attn\.([qkv])_proj\.", name)
    return "qkv".index(found[1]) if found else None


def _network(state: dict[str, torch.Tensor], file: str) -> Any:
    """Return the network of transformers with the published tensors."""
    network = new_network(_size(state, file))
    renamed = {}
    for name, expected in network.state_dict().items():
        published = state.get(published_name(name))
        if published is None:
            raise WeightsRefused(f"{file} lacks {published_name(name)!r} of D-FINE; {_ADVICE}")
        third = third_of(name)
        tensor = published if third is None else published.chunk(3)[third]
        if tensor.shape != expected.shape:
            raise WeightsRefused(
                f"{file} has another size of {published_name(name)!r} than D-FINE; {_ADVICE}"
            )
        renamed[name] = tensor
    network.load_state_dict(renamed)
    return network


def _size(state: dict[str, torch.Tensor], file: str) -> str:
    """Return the size of a network, by the width of its backbone's stem and of its decoder."""
    stem, width = state[_STEM].shape[0], state[_WIDTH].shape[0]
    sizes = {(16, 128): "n", (16, 256): "s", (24, 256): "m", (32, 256): "l"}
    if (stem, width) not in sizes or len(state[_HEAD]) != 80:
        raise WeightsRefused(
            f"{file} is a D-FINE network of another kind: {len(state[_HEAD])} classes, a stem of {stem} and "
            f"a decoder of {width}; {_ADVICE}"
        )
    return sizes[stem, width]
