// A way to the gateway that can be cut: what reconnecting is tried with.
import net from 'node:net';

export async function proxy(target) {
  const { hostname, port } = new URL(target);
  const pairs = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    pairs.add(near).add(far);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('data', (chunk) => other.write(chunk));
      one.on('close', () => {
        pairs.delete(one);
        other.destroy();
      });
      one.on('error', () => other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${server.address().port}`,
    cut: () => pairs.forEach((each) => each.destroy()),
    close: () => {
      pairs.forEach((each) => each.destroy());
      server.close();
    },
  };
}
