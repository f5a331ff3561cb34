// Integers, indices of arrays in C order, and texts with numbers in them.

export function modulo(a, n) {
	return ((a % n) + n) % n;
}

export function round(number) {
	return Math.round(number * 100) / 100;
}

export function clamp(number, low, high) {
	return Math.min(Math.max(number, low), high);
}

/** The results of a function for 0, 1, ... */
export function times(count, call) {
	return Array.from({ length: count }, (_, n) => call(n));
}

export function product(numbers) {
	return numbers.reduce((result, number) => result * number, 1);
}

export function unravel(flat, shape) {
	const index = [];
	for (let axis = shape.length - 1; axis >= 0; axis--) {
		index.unshift(flat % shape[axis]);
		flat = Math.floor(flat / shape[axis]);
	}
	return index;
}

export function ravel(index, shape) {
	return index.reduce((flat, number, axis) => flat * shape[axis] + number, 0);
}

export function* everyIndex(shape) {
	for (let flat = 0, count = product(shape); flat < count; flat++) yield unravel(flat, shape);
}

export function allAlike(values) {
	return values.every((value) => JSON.stringify(value) === JSON.stringify(values[0]));
}

// -- as Python writes them --

/** A template with its {names} filled in. */
export function fill(template, values) {
	return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A number with three digits. */
export function numberText(value, whole) {
	if (whole || value === 0) return String(value);
	const exponent = Number(value.toExponential(2).split("e")[1]);
	if (exponent >= -4 && exponent < 3) return String(Number(value.toPrecision(3)));
	const digits = String(Number(value.toExponential(2).split("e")[0]));
	return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** The repr of a float below 1e16. */
export function floatText(value) {
	if (Number.isInteger(value)) return `${Object.is(value, -0) ? "-0" : value}.0`;
	const [digits, exponent] = value.toExponential().split("e");
	return exponent < -4 ? `${digits}e-${exponent.slice(1).padStart(2, "0")}` : String(value);
}

const MOST_LETTERS = 160; // of a string in an error message, as in convmatrix.core.errors
const ESCAPES = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** The repr of a string; the middle of a long one is left out. */
export function quoted(text) {
	const letters = [...text];
	const whole = [...repr(letters.slice(0, MOST_LETTERS))];
	if (whole.length <= MOST_LETTERS) return whole.join("");
	const start = Math.floor((MOST_LETTERS - 3) / 2);
	const end = MOST_LETTERS - 3 - start;
	const both = [...repr([...letters.slice(0, start), ...letters.slice(letters.length - end)])];
	return `${both.slice(0, start).join("")}...${both.slice(both.length - end).join("")}`;
}

function repr(letters) {
	const quote = letters.includes("'") && !letters.includes('"') ? '"' : "'";
	return quote + letters.map((letter) => (letter === quote ? `\\${letter}` : escaped(letter))).join("") + quote;
}

function escaped(letter) {
	if (letter === " " || !/[\\\p{C}\p{Z}]/u.test(letter)) return letter;
	const code = letter.codePointAt(0);
	const [kind, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
	return ESCAPES[letter] ?? `\\${kind}${code.toString(16).padStart(digits, "0")}`;
}

/** A sentence without the middle digits of long integers. */
export function shortened(sentence) {
	return sentence.replace(/\d{41,}/g, (all) => `${all.slice(0, 6)}...${all.slice(-6)} (${all.length} digits)`);
}

/** The known word that is closest to a wrong one, or undefined: difflib.get_close_matches of Python. */
export function closest(word, known) {
	const scored = known.map((other) => [2 * matching([...other], [...word]) / (other.length + [...word].length), other]);
	const best = scored.sort(([a, first], [b, second]) => b - a || (first < second ? 1 : -1))[0];
	return best[0] >= 0.6 ? best[1] : undefined;
}

/** The number of letters in the longest common block of two words, and, again, before and after it. */
function matching(a, b) {
	let [size, left, right] = [0, 0, 0];
	for (let i = 0; i < a.length; i++) {
		for (let j = 0; j < b.length; j++) {
			let n = 0;
			while (i + n < a.length && j + n < b.length && a[i + n] === b[j + n]) n++;
			if (n > size) [size, left, right] = [n, i, j];
		}
	}
	if (!size) return 0;
	return size + matching(a.slice(0, left), b.slice(0, right)) + matching(a.slice(left + size), b.slice(right + size));
}
