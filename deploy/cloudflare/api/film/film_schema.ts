/** Defines how the API shows the segments of a film. */

import { z } from "@hono/zod-openapi";

const Piece = z
  .object({
    number: z.int().openapi({ description: "The number of the segment, from 0." }),
    start_sec: z.number().openapi({ description: "When it begins in the film, in seconds." }),
    end_sec: z.number().openapi({ description: "When it ends." }),
    url: z.string().openapi({ description: "Its video, presigned: MP4 without sound." }),
  })
  .openapi("FilmPiece");

export const FilmStatus = z
  .object({
    segments: z.int().openapi({ description: "How many segments the film has; 0 before it is planned." }),
    done: z.int().openapi({ description: "How many of them are done." }),
    running: z.int().openapi({ description: "How many of them are being made." }),
    pieces: z.array(Piece).openapi({
      description:
        "The segments that can be watched, in order; empty for tracks. GET /jobs/ID/playlist lists the same.",
    }),
  })
  .openapi("FilmStatus", { description: "How far the segments of a film are." });
export type FilmStatus = z.infer<typeof FilmStatus>;
