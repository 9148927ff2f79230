/** Chooses a model of the catalog, or leaves the choice to the worker; shows what the chosen one does. */

import { aboutModel, sampleOf } from "./models.ts";
import { SelectField } from "./SelectField.tsx";
import "./ModelField.css";

interface ModelFieldProps {
  models: readonly string[];
  /** The name of the model; null for the worker's default. */
  value: string | null | undefined;
  onChange: (value: string | null) => void;
}

const DEFAULT = "";

export function ModelField({ models, value, onChange }: ModelFieldProps) {
  const named = value == null || models.includes(value) ? models : [value, ...models];
  const sample = value == null ? null : sampleOf(value);
  return (
    <>
      <SelectField
        label="Model"
        hint={
          value != null && models.includes(value)
            ? `${aboutModel(value)} The job fails, and costs nothing, if the workers do not have it.`
            : "The price says which model will be used."
        }
        value={value ?? DEFAULT}
        options={[[DEFAULT, "Default of the service"], ...named.map((name) => [name, name] as const)]}
        onChange={(name) => onChange(name === DEFAULT ? null : name)}
      />
      {sample !== null && (
        <a className="model-sample" href={sample} target="_blank" rel="noreferrer">
          <img src={sample} alt={`What ${value} makes of a photograph`} />
        </a>
      )}
    </>
  );
}
