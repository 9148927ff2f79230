"""Makes a film with many local processes or machines, on dask.distributed (the extra `film`)."""
