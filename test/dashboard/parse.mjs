// parse: whether expressions of PromQL, a line each on standard input, can be read by the parser that Prometheus' own editor and Grafana's use. A line for each
// that cannot, with the place.
import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';

for (const expression of readFileSync(0, 'utf8').split('\n').filter((line) => line !== '')) {
	// it recovers from everything, and leaves an error node where it did
	const places = [];
	parser.parse(expression).iterate({ enter: (node) => void (node.type.isError && places.push(node.from)) });
	if (places.length > 0) console.log(`${expression}: at ${places.join(', ')}`);
}
