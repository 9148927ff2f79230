"""The worker: everything that runs at serving time. It knows neither torch nor how models are exported."""
