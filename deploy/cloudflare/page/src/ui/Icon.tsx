/** Small drawings of one line width, which stand beside words or in buttons that have a name. */

const SHAPES = {
  alert:
    "M12 8v5M12 16.5v.1M10.3 4.2 2.9 17.4A2 2 0 0 0 4.6 20.4h14.8a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0z",
  check: "M5 12.5 10 17.5 19.5 7",
  "chevron-right": "m9 5 7 7-7 7",
  clock: "M12 7v5l3.2 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  crop: "M7 2.5V17h14.5M2.5 7H17v14.5",
  download: "M12 4v11M7 10.5l5 5 5-5M4.5 20h15",
  enlarge: "M14 4.5h5.5V10M10 19.5H4.5V14M19 5l-6 6M5 19l6-6",
  file: "M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5zM13.5 3v5.5H19",
  film: "M5 4h14a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8 4v16M16 4v16M3 9h5M3 15h5M16 9h5M16 15h5",
  info: "M12 11v5.5M12 7.6v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  pause: "M8.5 5v14M15.5 5v14",
  person: "M15.5 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0zM5 20.5c.6-4 3.4-6 7-6s6.4 2 7 6",
  play: "M7.5 4.800v14.400l11.5-7.200z",
  plus: "M12 5v14M5 12h14",
  reload: "M20 11a8 8 0 1 0-.7 4.500M20 4.500V11h-6.5",
  "sign-out": "M14 4H6.500a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2H14M10 12h10.500M17 8.500l3.5 3.5-3.5 3.5",
  "step-back": "M17.5 5.500v13L9 12zM6.5 5.500v13",
  "step-forward": "M6.5 5.500v13L15 12zM17.5 5.500v13",
  trash: "M4.5 7h15M9.5 7V4.500h5V7M6.5 7l.8 12.500h9.400L17.5 7M10.5 11v5M13.5 11v5",
  upload: "M12 16V5M7 9.500l5-5 5 5M4.5 20h15",
  wallet:
    "M18.5 8V5.500a1.5 1.5 0 0 0-1.5-1.500H5.500a2 2 0 0 0 0 4h13.500a1.5 1.5 0 0 1 1.5 1.500v9a1.5 1.5 0 0 1-1.5 1.500H5.500a2 2 0 0 1-2-2V6M16.5 14v.1",
} as const;

export type IconName = keyof typeof SHAPES;

/** Draws an icon of `size` rem; screen readers skip it. */
export function Icon({ name, size = 1.25 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
      style={{ width: `${size}rem`, height: `${size}rem`, flex: "none" }}
    >
      <path d={SHAPES[name]} />
    </svg>
  );
}
