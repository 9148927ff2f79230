/** Hides MACs, keys and tokens, all 64 hex digits long, from what a Node process prints. */

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (text, ...rest) => write(String(text).replaceAll(/[0-9a-f]{64}/g, "[secret]"), ...rest);
}
