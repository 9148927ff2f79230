# Images by set of models: `docker buildx bake lite`, or several: `docker buildx bake video photo`.
#
# Each worker image stands on a Triton image of its own set (`docker buildx bake triton-lite` makes that alone).
# REGISTRY, TAG, TRITON_IMAGE, BUILD_OPTIONS and REVISION can be set in the environment:
#   REGISTRY=registry.example.com/me/ TAG=1 docker buildx bake --push video

variable "REGISTRY" {
  default = ""
}

variable "TAG" {
  default = "latest"
}

variable "TRITON_IMAGE" {
  default = "nvcr.io/nvidia/tritonserver:25.06-py3@sha256:75bcfa5b0043898ece3e603c17a5bbbb1c9bddc390563db24312ef59d83735e5"
}

variable "BUILD_OPTIONS" {
  default = ""
}

variable "REVISION" {
  default = "unknown"
}

group "default" {
  targets = ["video"]
}

target "_triton" {
  dockerfile = "Dockerfile.triton"
  platforms  = ["linux/amd64"]
  args = {
    TRITON_IMAGE  = TRITON_IMAGE
    BUILD_OPTIONS = BUILD_OPTIONS
    REVISION      = REVISION
  }
}

target "_worker" {
  dockerfile = "Dockerfile.orchestrator"
  platforms  = ["linux/amd64"]
  args = {
    REVISION = REVISION
  }
}

# The two small models that come with the project: for trying the machinery, without PyTorch and downloads.

target "triton-lite" {
  inherits = ["_triton"]
  tags     = ["${REGISTRY}framewright-triton:lite-${TAG}"]
  args = {
    MODELS_FROM = "carried"
  }
}

target "lite" {
  inherits = ["_worker"]
  tags     = ["${REGISTRY}framewright-worker:lite-${TAG}"]
  contexts = {
    framewright-triton = "target:triton-lite"
  }
}

# Fast upscalers for video.

target "triton-video" {
  inherits = ["_triton"]
  tags     = ["${REGISTRY}framewright-triton:video-${TAG}"]
  args = {
    MODELS = "lite-x4 lite-detector realesr-animevideov3 realesr-general-x4v3"
  }
}

target "video" {
  inherits = ["_worker"]
  tags     = ["${REGISTRY}framewright-worker:video-${TAG}"]
  contexts = {
    framewright-triton = "target:triton-video"
  }
}

# Upscalers with the best detail, slow.

target "triton-photo" {
  inherits = ["_triton"]
  tags     = ["${REGISTRY}framewright-triton:photo-${TAG}"]
  args = {
    MODELS = "lite-x4 lite-detector RealESRGAN_x4plus RealESRGAN_x4plus_anime_6B RealESRGAN_x2plus SwinIR_4x_GAN"
  }
}

target "photo" {
  inherits = ["_worker"]
  tags     = ["${REGISTRY}framewright-worker:photo-${TAG}"]
  contexts = {
    framewright-triton = "target:triton-photo"
  }
}

# All three tasks with real models. The detectors are AGPL-3.0 (docs/licences.md): who runs this image for others owes
# them the source.

target "triton-full" {
  inherits = ["_triton"]
  tags     = ["${REGISTRY}framewright-triton:full-${TAG}"]
  args = {
    MODELS = "lite-x4 lite-detector realesr-animevideov3 realesr-general-x4v3 RealESRGAN_x4plus yolov8n yolov8m"
  }
}

target "full" {
  inherits = ["_worker"]
  tags     = ["${REGISTRY}framewright-worker:full-${TAG}"]
  contexts = {
    framewright-triton = "target:triton-full"
  }
}
