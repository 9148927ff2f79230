/** The moment of a video that is shown, and what moves it. Overlays draw what belongs to `frame`. */
export interface VideoClock {
  /** The frame that is shown, from 0, and its time in seconds from the first. */
  frame: number;
  timeS: number;
  durationS: number;
  playing: boolean;
  play: () => void;
  pause: () => void;
  /** Shows the frame of a time, in seconds from the first frame. */
  seek: (timeS: number) => void;
  /** Moves by so many frames. */
  step: (frames: number) => void;
}
