// Answers lines of JSON, [function, arguments], with lines of JSON: the explorer's module for the tests, under node.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

// A data URL, since node takes a .js file without a package for one of its own older kind.
const source = readFileSync(process.argv[2], "utf8");
const module = await import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);

function answer([name, ...values]) {
	try {
		return { result: module[name](...values) };
	} catch (error) {
		if (error instanceof module.Refusal) return { refusal: error.message };
		return { failure: error.stack };
	}
}

/** Typed arrays as lists. */
const plain = (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);

for await (const line of createInterface({ input: process.stdin })) {
	process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)), plain)}\n`);
}
