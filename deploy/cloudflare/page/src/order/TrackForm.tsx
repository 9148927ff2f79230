/** Sets up tracking: what to look for, and how. */

import { useState } from "react";
import { type TrackParams, useClientState, useOrder } from "../state/client_state.ts";
import { Disclosure } from "../ui/Disclosure.tsx";
import { Field } from "../ui/Field.tsx";
import { ModelField } from "./ModelField.tsx";
import { DETECTORS } from "./models.ts";
import { NumberField } from "./NumberField.tsx";
import { SelectField } from "./SelectField.tsx";
import type { TaskFormProps } from "./task_form.ts";
import { isChanged, withParam } from "./with_param.ts";

/** The fields that few people change, as they are if nothing is set. */
const ADVANCED: Partial<TrackParams> = {
  confidence: 0.5,
  stride: 1,
  fill_gaps_sec: 0,
  side: null,
  tracker: "bytetrack",
  model: null,
};

export function TrackForm({ uploadId }: TaskFormProps) {
  const { track } = useOrder(uploadId);
  const changeOrder = useClientState((state) => state.changeOrder);
  const change = <Name extends keyof TrackParams>(name: Name, value: TrackParams[Name] | null) =>
    changeOrder(uploadId, { track: withParam(track, name, value) });
  const [classes, setClasses] = useState((track.classes ?? []).join(", "));
  return (
    <>
      <Field
        label="What to track"
        hint="Class names separated by commas, such as person, car. Empty means everything that the model knows."
      >
        {(control) => (
          <input
            {...control}
            type="text"
            autoComplete="off"
            autoCapitalize="none"
            placeholder="everything"
            value={classes}
            onChange={(event) => {
              setClasses(event.target.value);
              const names = namesOf(event.target.value);
              change("classes", names.length === 0 ? null : names);
            }}
          />
        )}
      </Field>
      <Disclosure summary="Advanced" startsOpen={isChanged(track, ADVANCED)}>
        <div className="fields">
          <NumberField
            param="confidence"
            label="Confidence"
            hint="From 0 to 1. Tracks that the model is less sure of on average are left out. Empty means 0.5."
            min={0}
            max={1}
            step={0.05}
            placeholder="0.5"
            value={track.confidence}
            onChange={(value) => change("confidence", value)}
          />
          <NumberField
            param="stride"
            label="Stride"
            hint="From 1 to 30. The model sees one frame in this many, and the boxes in between are interpolated. Empty means 1: every frame."
            min={1}
            max={30}
            placeholder="1"
            value={track.stride}
            onChange={(value) => change("stride", value)}
          />
          <NumberField
            param="fill_gaps_sec"
            label="Fill gaps"
            hint="From 0 to 10 s. Gaps in a track that are no longer than this are filled. Empty means 0: none."
            min={0}
            max={10}
            step={0.1}
            placeholder="0"
            value={track.fill_gaps_sec}
            onChange={(value) => change("fill_gaps_sec", value)}
          />
          <NumberField
            param="side"
            label="Detector size"
            hint="From 32 to 4096 px: the longer side of the pictures that the model sees. A larger size finds smaller objects and takes longer. Empty means the model's own."
            min={32}
            max={4096}
            step={32}
            placeholder="the model's own"
            value={track.side}
            onChange={(side) => change("side", side)}
          />
          <SelectField
            label="Tracker"
            hint="BoT-SORT also compensates for camera motion."
            value={track.tracker ?? "bytetrack"}
            options={[
              ["bytetrack", "ByteTrack"],
              ["botsort", "BoT-SORT"],
            ]}
            onChange={(tracker) => change("tracker", tracker)}
          />
          <ModelField
            models={DETECTORS}
            value={track.model ?? null}
            onChange={(model) => change("model", model)}
          />
        </div>
      </Disclosure>
    </>
  );
}

/** Returns the names in a text with commas. */
function namesOf(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
