/** Returns params in which one has another value; null leaves it out, so that the worker's default holds. */
export function withParam<Params, Name extends keyof Params>(
  params: Partial<Params>,
  name: Name,
  value: Params[Name] | null,
): Partial<Params> {
  const { [name]: _, ...others } = params;
  return (value === null ? others : { ...others, [name]: value }) as Partial<Params>;
}
