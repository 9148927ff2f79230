/** Sets up a job for an upload: the task, its settings, the quote, and the button that starts it. */

export function OrderPage(_props: { uploadId: string }) {
  return null;
}
