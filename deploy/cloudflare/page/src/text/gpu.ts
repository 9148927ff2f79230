/** Names what a job runs on. */

/** Returns what a job runs on: the name of the GPU, or "a CPU" for the machine without one, which the API calls cpu. */
export function gpuText(gpu: string): string {
  return gpu === "cpu" ? "a CPU" : gpu;
}
