/** Returns params in which one has another value; null leaves it out, so that the worker's default holds. */
export function withParam<Params, Name extends keyof Params>(
  params: Partial<Params>,
  name: Name,
  value: Params[Name] | null,
): Partial<Params> {
  const { [name]: _, ...others } = params;
  return (value === null ? others : { ...others, [name]: value }) as Partial<Params>;
}

/** Returns whether params have a value, in a field that `defaults` names, that is not the default. */
export function isChanged<Params extends object>(params: Params, defaults: Partial<Params>): boolean {
  return (Object.keys(defaults) as (keyof Params)[]).some(
    (name) => (params[name] ?? defaults[name]) !== defaults[name],
  );
}
