/** Lists the types of files that may be uploaded: the videos that the worker reads, and documents of tracks. */

/** The extension of the object's key, by media type. The worker looks at the content; the extension is for people. */
export const EXTENSIONS = {
  "video/mp4": "mp4",
  "video/x-m4v": "m4v",
  "video/quicktime": "mov",
  "video/3gpp": "3gp",
  "video/webm": "webm",
  "video/matroska": "mkv",
  "video/x-matroska": "mkv",
  "video/avi": "avi",
  "video/vnd.avi": "avi",
  "video/x-msvideo": "avi",
  "video/mp2t": "ts",
  "video/mpeg": "mpg",
  "video/x-flv": "flv",
  "video/x-ms-wmv": "wmv",
  "video/ogg": "ogv",
  "video/dv": "dv",
  "video/x-dv": "dv",
  "video/x-yuv4mpeg": "y4m",
  "application/mxf": "mxf",
  "image/gif": "gif",
  "image/apng": "apng",
  "application/json": "json",
} as const;

/** A media type that may be uploaded. */
type MediaType = keyof typeof EXTENSIONS;

/** The same types as a list, for validation. */
export const MEDIA_TYPES = Object.keys(EXTENSIONS) as [MediaType, ...MediaType[]];
