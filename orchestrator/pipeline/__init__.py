"""The jobs: here the rooms are joined, and nowhere else."""
