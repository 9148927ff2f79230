/** Chooses the task. */

import type { TaskName } from "../api/client.ts";
import { Choice } from "../ui/Choice.tsx";
import { Icon } from "../ui/Icon.tsx";

export function TaskPicker({ task, onChange }: { task: TaskName; onChange: (task: TaskName) => void }) {
  return (
    <Choice
      look="cards"
      label="What do you want to do?"
      value={task}
      onChange={onChange}
      options={[
        {
          value: "upscale",
          label: (
            <>
              <Icon name="enlarge" /> Upscale
            </>
          ),
          hint: "Makes the whole video larger and sharper.",
        },
        {
          value: "track",
          label: (
            <>
              <Icon name="person" /> Track
            </>
          ),
          hint: "Finds people and objects, and follows each through the video.",
        },
        {
          value: "export",
          label: (
            <>
              <Icon name="crop" /> Export
            </>
          ),
          hint: "Delivers a part of the video: cropped, trimmed, or following a person.",
        },
      ]}
    />
  );
}
