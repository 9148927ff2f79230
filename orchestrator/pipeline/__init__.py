"""The jobs: joins reading, inference, tracking and writing into upscale, export and track."""
