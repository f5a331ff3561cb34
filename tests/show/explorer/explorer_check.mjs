// Answers lines of JSON, [function, arguments], with lines of JSON: the explorer's module for the tests, under node.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const module = await import(pathToFileURL(process.argv[2]));

function answer([name, ...values]) {
	try {
		return { result: module[name](...values) };
	} catch (error) {
		return { failure: error.stack };
	}
}

/** Typed arrays as lists. */
const plain = (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);

for await (const line of createInterface({ input: process.stdin })) {
	process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)), plain)}\n`);
}
